import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { createBatcher, decideBatch } from '../../worker/batcher.js';

const always = () => true;

describe('the batcher', () => {
  it('lets a full batch leave beside a running one, a partial one only when nothing runs and it is due', () => {
    const sight = { waiting: 0, running: 0, oldestIsDue: false, size: 4, lanes: 1 };
    assert.equal(decideBatch(sight), 0);
    assert.equal(decideBatch({ ...sight, waiting: 3 }), 0);
    assert.equal(decideBatch({ ...sight, waiting: 3, oldestIsDue: true }), 3);
    assert.equal(decideBatch({ ...sight, waiting: 3, oldestIsDue: true, running: 1 }), 0);
    assert.equal(decideBatch({ ...sight, waiting: 9, running: 1 }), 4);
    assert.equal(decideBatch({ ...sight, waiting: 9, running: 2 }), 0);
  });

  it('keeps every lane busy and one batch ahead; lanes that are free share a partial batch', () => {
    const sight = { waiting: 9, running: 1, oldestIsDue: false, size: 4, lanes: 2 };
    assert.equal(decideBatch({ ...sight, running: 2 }), 4);
    assert.equal(decideBatch({ ...sight, running: 3 }), 0);
    const partial = { ...sight, waiting: 3, oldestIsDue: true };
    assert.deepEqual(
      [0, 1, 2].map((running) => decideBatch({ ...partial, running })),
      [2, 3, 0],
    );
  });

  it('puts items of several callers into one batch, in the order they came', async () => {
    const batches: (readonly number[])[] = [];
    const run = async (items: readonly number[]) => {
      batches.push(items);
      return items.map((item) => item * 10);
    };
    const batcher = createBatcher<number, number>({
      size: 6,
      waitMs: 20,
      lanes: 1,
      run,
      mayBeOneItem: always,
    });
    const results = [...batcher.add([1, 2]), ...batcher.add([3, 4, 5])];
    assert.deepEqual(await Promise.all(results), [10, 20, 30, 40, 50]);
    assert.deepEqual(batches, [[1, 2, 3, 4, 5]]);
  });

  it('waits for company while another lane runs, and not for nothing', async () => {
    const batches: (readonly number[])[] = [];
    const run = async (items: readonly number[]) => {
      batches.push(items);
      await sleep(20);
      return items;
    };
    const batcher = createBatcher<number, number>({
      size: 6,
      waitMs: 60_000,
      lanes: 2,
      run,
      mayBeOneItem: always,
    });
    const alone = batcher.add([1, 2, 3, 4, 5]);
    await sleep(5);
    const later = batcher.add([6]);
    await Promise.all([...alone, ...later]);
    assert.deepEqual(batches, [[1, 2, 3], [4, 5], [6]]);
  });

  it('gives every caller its own answer, whatever the sizes, and never exceeds the batch size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer(), { maxLength: 7 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        async (callers, size) => {
          const run = async (items: readonly number[]) => {
            assert.ok(items.length <= size);
            await sleep(items.length % 2);
            return items.map((item) => -item);
          };
          const batcher = createBatcher<number, number>({
            size,
            waitMs: 0,
            lanes: 1,
            run,
            mayBeOneItem: always,
          });
          const answers = await Promise.all(callers.map((items) => Promise.all(batcher.add(items))));
          assert.deepEqual(
            answers,
            callers.map((items) => items.map((item) => -item)),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('fails only the item that makes a whole batch fail', async () => {
    const run = async (items: readonly number[]) => {
      if (items.includes(13)) throw new Error('poison');
      return items;
    };
    const batcher = createBatcher<number, number>({
      size: 8,
      waitMs: 1,
      lanes: 1,
      run,
      mayBeOneItem: always,
    });
    const settled = await Promise.allSettled(batcher.add([10, 11, 12, 13, 14, 15, 16]));
    assert.deepEqual(
      settled.map((s) => (s.status === 'fulfilled' ? s.value : s.reason.message)),
      [10, 11, 12, 'poison', 14, 15, 16],
    );
  });

  it('does not try again item by item when no item can be to blame', async () => {
    let runs = 0;
    const run = async () => {
      runs++;
      throw new Error('no model');
    };
    const batcher = createBatcher<number, number>({
      size: 8,
      waitMs: 1,
      lanes: 1,
      run,
      mayBeOneItem: () => false,
    });
    const settled = await Promise.allSettled(batcher.add([1, 2, 3]));
    assert.deepEqual([settled.map((s) => s.status), runs], [['rejected', 'rejected', 'rejected'], 1]);
  });
});
