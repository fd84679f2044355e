import assert from 'node:assert/strict';
import { readyAt, type StudyEvidence } from '../../agent/read/ready.js';

const POLICY = { studyQuietMs: 30_000, studyEarlyMs: 2_000 };
const UNKNOWN = { studies: 0, gapMs: 0 };
const at = (over: Partial<StudyEvidence>) =>
  readyAt(
    { lastReceivedMs: 1_000, isBeyondDoubt: false, isAmendment: false, pace: UNKNOWN, ...over },
    POLICY,
  );

describe('when a study is answered', () => {
  it('that only a repeat could better: early, but only the first time', () => {
    assert.deepEqual(at({ isBeyondDoubt: true }), { atMs: 3_000, reason: 'beyond-doubt' });
    assert.deepEqual(at({ isBeyondDoubt: true, isAmendment: true }), { atMs: 31_000, reason: 'quiet' });
  });

  it('that something could better: when it has been quiet', () => {
    assert.deepEqual(at({}), { atMs: 31_000, reason: 'quiet' });
  });

  it('early is never later than quiet', () => {
    const short = { ...POLICY, studyQuietMs: 500 };
    const evidence = { lastReceivedMs: 0, isBeyondDoubt: true, isAmendment: false, pace: UNKNOWN };
    assert.equal(readyAt(evidence, short).atMs, 500);
  });

  it('sooner where three studies of its sender came in one go, as late as its pauses else, never later than early', () => {
    const waits = (studies: number, gapMs: number) =>
      at({ isBeyondDoubt: true, pace: { studies, gapMs } }).atMs - 1_000;
    assert.deepEqual([waits(2, 0), waits(3, 0), waits(9, 800), waits(9, 20_000)], [2_000, 500, 1_200, 2_000]);
    assert.equal(at({ pace: { studies: 9, gapMs: 0 } }).atMs, 31_000, 'what could be bettered waits as ever');
  });
});
