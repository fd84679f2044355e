import assert from 'node:assert/strict';
import fc from 'fast-check';
import { backoffMs } from '../../db/work/backoff.js';

const policy = { firstMs: 1_000, maxMs: 300_000 };

describe('back-off', () => {
  it('doubles from the first pause and stays under the longest', () => {
    const pauses = [1, 2, 3, 4, 9, 10, 11, 1000].map((attempts) => backoffMs(attempts, policy, 1));
    assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000, 300_000]);
  });

  it('spreads what failed together over half of the pause, and never below half', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, random) => {
          const longest = backoffMs(attempts, policy, 1);
          const pause = backoffMs(attempts, policy, random);
          return pause <= longest && pause >= longest / 2 - 1;
        },
      ),
    );
  });
});
