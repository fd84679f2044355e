import assert from 'node:assert/strict';
import { atPrevalence } from '../../agent/report/certainty.js';

describe('report: the certainty is for a stated share of calcified discs', () => {
  it('counted out: of 1,000 discs 15 calcified, a score that 9 in 10 of half a set earned says one in eight', () => {
    // Sensitivity 0.9 and false alarms 0.1 where half are calcified: 13.5 of 15 against 98.5 of 985.
    assert.ok(Math.abs(atPrevalence(0.9, 0.5, 0.015) - 13.5 / (13.5 + 98.5)) < 1e-12);
  });

  it('is the score itself where the shares are the same, and keeps the order of scores', () => {
    for (const p of [0, 0.2, 0.98, 1]) assert.ok(Math.abs(atPrevalence(p, 0.38, 0.38) - p) < 1e-12);
    const moved = [0.1, 0.5, 0.9, 0.99].map((p) => atPrevalence(p, 0.38, 0.015));
    assert.deepEqual(
      moved,
      moved.toSorted((a, b) => a - b),
    );
  });
});
