import assert from 'node:assert/strict';
import { readyAt, type StudyEvidence } from '../../agent/read/ready.js';

const POLICY = { studyQuietMs: 30_000, studyEarlyMs: 2_000 };
const at = (over: Partial<StudyEvidence>) =>
  readyAt(
    { lastReceivedMs: 1_000, isCounted: false, isBeyondDoubt: false, isAmendment: false, ...over },
    POLICY,
  );

describe('when a study is answered', () => {
  it('that the source has counted: at once, the first time and later', () => {
    assert.deepEqual(at({ isCounted: true }), { atMs: 1_000, reason: 'counted' });
    assert.deepEqual(at({ isCounted: true, isAmendment: true }), { atMs: 1_000, reason: 'counted' });
  });

  it('that only a repeat could better: early, but only the first time', () => {
    assert.deepEqual(at({ isBeyondDoubt: true }), { atMs: 3_000, reason: 'beyond-doubt' });
    assert.deepEqual(at({ isBeyondDoubt: true, isAmendment: true }), { atMs: 31_000, reason: 'quiet' });
  });

  it('that something could better: when it has been quiet', () => {
    assert.deepEqual(at({}), { atMs: 31_000, reason: 'quiet' });
  });

  it('early is never later than quiet', () => {
    const short = { ...POLICY, studyQuietMs: 500 };
    const evidence = { lastReceivedMs: 0, isCounted: false, isBeyondDoubt: true, isAmendment: false };
    assert.equal(readyAt(evidence, short).atMs, 500);
  });
});
