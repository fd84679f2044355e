import assert from 'node:assert/strict';
import { readyAt, type StudyEvidence } from '../../agent/read/ready.js';

const POLICY = { studyQuietMs: 30_000, studyEarlyMs: 2_000 };
const at = (over: Partial<StudyEvidence>) =>
  readyAt({ lastReceivedMs: 1_000, isBeyondDoubt: false, isAmendment: false, ...over }, POLICY);

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
    const evidence = { lastReceivedMs: 0, isBeyondDoubt: true, isAmendment: false };
    assert.equal(readyAt(evidence, short).atMs, 500);
  });
});
