import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { gather } from '../../db/work/gather.js';

describe('gathering calls', () => {
  const runs: (readonly number[])[] = [];
  beforeEach(() => runs.splice(0));
  const negate = async (items: readonly number[]) => {
    runs.push(items);
    return items.map((item) => (item === 7 ? new Error('seven') : -item));
  };

  it('those that come together share a run, in order; more than the limit begin another', async () => {
    const call = gather<number, number>({ limit: 3, waitMs: 5, run: negate });
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(call)), [-1, -2, -3, -4]);
    assert.deepEqual(runs, [[1, 2, 3], [4]]);
    assert.equal(await call(5), -5);
  });

  it('nobody waits for company while nothing runs; those that come meanwhile go together when it ends', async () => {
    const run = async (items: readonly number[]) => {
      await sleep(10);
      return negate(items);
    };
    const call = gather<number, number>({ limit: 9, waitMs: 60_000, run });
    const first = call(1);
    await sleep(2);
    assert.deepEqual(await Promise.all([first, call(2), call(3)]), [-1, -2, -3]);
    assert.deepEqual(runs, [[1], [2, 3]]);
  });

  it('an error for one item is that one call', async () => {
    const call = gather<number, number>({ limit: 9, waitMs: 0, run: negate });
    const settled = await Promise.allSettled([6, 7, 8].map(call));
    assert.deepEqual(
      settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.message)),
      [-6, 'seven', -8],
    );
    assert.equal(runs.length, 1);
  });

  it('a run that fails as a whole is done again for each alone, and only the guilty one fails', async () => {
    const run = async (items: readonly number[]) => {
      if (items.includes(13)) throw new Error('poison');
      return negate(items);
    };
    const call = gather<number, number>({ limit: 9, waitMs: 0, run });
    const settled = await Promise.allSettled([12, 13, 14].map(call));
    assert.deepEqual(
      settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.message)),
      [-12, 'poison', -14],
    );
    assert.deepEqual(runs, [[12], [14]]);
  });
});
