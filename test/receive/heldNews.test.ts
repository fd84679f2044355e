import assert from 'node:assert/strict';
import { HeldNews } from '../../agent/receive/heldNews.js';

describe('held news', () => {
  const passed = (limits: Partial<ConstructorParameters<typeof HeldNews>[0]>) => {
    const pieces: number[][] = [];
    const all = { quietMs: 60_000, longestMs: 60_000, longestWithEndMs: 60_000, most: 1000, ...limits };
    return { pieces, held: new HeldNews<number>(all, (news) => pieces.push(news)) };
  };

  it('pass on in one piece and in order when asked to, and nothing twice', () => {
    const { held, pieces } = passed({});
    for (const item of [1, 2, 3]) held.tell(item);
    assert.deepEqual(pieces, []);
    held.flush();
    held.flush();
    assert.deepEqual(pieces, [[1, 2, 3]]);
  });

  it('pass on when so many wait', () => {
    const { held, pieces } = passed({ most: 2 });
    for (const item of [1, 2, 3]) held.tell(item);
    assert.deepEqual(pieces, [[1, 2]]);
    held.flush();
  });

  it('pass on in a pause by themselves', async () => {
    const { held, pieces } = passed({ quietMs: 5 });
    held.tell(1);
    while (pieces.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(pieces, [[1]]);
  });

  it('wait no longer than so long when something among them has ended', async () => {
    const { held, pieces } = passed({ longestWithEndMs: 20 });
    held.tell(1);
    held.tell(2, true);
    assert.deepEqual(pieces, []);
    await new Promise((resolve) => setTimeout(resolve, 40));
    held.tell(3);
    held.tell(4);
    assert.deepEqual(pieces, [[1, 2, 3]]);
    held.flush();
  });

  it('never wait longer than the limit, however busy it is', () => {
    const { held, pieces } = passed({ longestMs: 0 });
    held.tell(1);
    held.tell(2);
    assert.deepEqual(pieces, [[1], [2]]);
  });
});
