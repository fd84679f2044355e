import assert from 'node:assert/strict';
import { readersAtOnce } from '../../config/cores.js';
import { planLanes } from '../../worker/cores.js';

describe('how the cores are shared out', () => {
  it('two lanes with half of the threads each, one on a GPU or where one thread is all', () => {
    assert.deepEqual(planLanes({}, 2, false), { lanes: 2, threads: 1 });
    assert.deepEqual(planLanes({}, 9, false), { lanes: 2, threads: 4 });
    assert.deepEqual(planLanes({}, 1, false), { lanes: 1, threads: 1 });
    assert.deepEqual(planLanes({}, 8, true), { lanes: 1, threads: 8 });
  });

  it('as the configuration says, never more lanes than threads', () => {
    assert.deepEqual(planLanes({ threads: 6, lanes: 3 }, 2, false), { lanes: 3, threads: 2 });
    assert.deepEqual(planLanes({ threads: 1, lanes: 4 }, 8, false), { lanes: 1, threads: 1 });
  });

  it('one series is read for every two cores, four at most, or as many as the configuration says', () => {
    assert.deepEqual(
      [1, 2, 4, 8, 64].map((cores) => readersAtOnce({}, cores)),
      [1, 1, 2, 4, 4],
    );
    assert.equal(readersAtOnce({ threads: 6 }, 2), 6);
  });
});
