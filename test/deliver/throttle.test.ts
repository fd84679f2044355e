import assert from 'node:assert/strict';
import { takePlace, takeSeat, wasWaitedFor } from '../../agent/deliver/throttle.js';
import { listDeliveries } from '../../db/tables/deliveries.js';
import { useDatabase } from '../support/database.js';
import { answeringScp } from './answeringScp.js';
import { type ChannelCase, channelCase } from './channelRig.js';

/** Each comes again when it was told to, as its step does. */
async function settled({ deliver }: ChannelCase): Promise<unknown> {
  for (;;) {
    const end = await deliver();
    if (!(typeof end === 'object' && 'retryAt' in end)) return end;
    await new Promise((resolve) => setTimeout(resolve, end.retryAt.getTime() - Date.now()));
  }
}

describe('deliver: how much a destination bears', function () {
  this.timeout(60_000);
  const db = useDatabase();

  it('gives so many places a minute, the next when the oldest is a minute old', () => {
    const slow = { name: 'slow', perMinute: 2 };
    assert.deepEqual([takePlace(slow, 0), takePlace(slow, 10_000), takePlace(slow, 20_000)], [0, 0, 40_000]);
    assert.deepEqual([takePlace(slow, 60_000), takePlace(slow, 60_001)], [0, 9_999]);
    assert.equal(takePlace({ name: 'other', perMinute: 1 }, 20_000), 0);
    assert.equal(takePlace({ name: 'free' }, 20_000), 0);
  });

  it('gives so many seats at the same time, and each once', () => {
    const narrow = { name: 'narrow', atOnce: 1 };
    const leave = takeSeat(narrow)!;
    assert.equal(takeSeat(narrow), null);
    assert.deepEqual([wasWaitedFor('narrow'), wasWaitedFor('narrow')], [true, false]);
    leave();
    leave();
    assert.ok(takeSeat(narrow));
    assert.equal(takeSeat(narrow), null, 'a seat given back twice is one');
    assert.ok(takeSeat({ name: 'free' }));
  });

  it('cases that wait for a PACS of one association go over it one after the other', async () => {
    const pacs = await answeringScp(0x0000);
    const destinations = [
      { name: 'one-seat', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port, atOnce: 1 },
    ];
    const cases = [];
    for (let i = 0; i < 4; i++) cases.push(await channelCase(db as never, destinations));
    const ends = await Promise.all(cases.map(settled));
    assert.deepEqual(new Set(ends), new Set(['delivered']));
    assert.deepEqual([pacs.mostAtOnce(), pacs.received.length, new Set(pacs.received).size], [1, 8, 8]);
    assert.ok(pacs.associations() < 4, `${pacs.associations()} associations`);
    for (const each of cases) assert.equal((await each.deliveries())[0]!.attempts, 1);
    pacs.close();
  });

  it('a result beyond it waits for its place and is no failure; another destination has it at once', async () => {
    const [slow, quick] = [await answeringScp(0x0000), await answeringScp(0x0000)];
    const to = (name: string, port: number, more = {}) => ({
      name,
      aeTitle: 'PACS',
      host: '127.0.0.1',
      port,
      ...more,
    });
    const destinations = [to('throttled', slow.port, { perMinute: 1 }), to('quick', quick.port)];
    const [first, second] = [
      await channelCase(db as never, destinations),
      await channelCase(db as never, destinations),
    ];
    assert.equal(await first.deliver(), 'delivered');
    const waits = Object(await second.deliver());
    const ms = waits.retryAt.getTime() - Date.now();
    assert.ok(ms > 30_000 && ms <= 60_000, `${ms} ms`);
    const rows = await listDeliveries(db.database.knex, second.report.id);
    assert.deepEqual(
      rows.map(({ destination, state, attempts }) => [destination, state, attempts]),
      [
        ['quick', 'stored', 1],
        ['throttled', 'pending', 0],
      ],
    );
    slow.close();
    quick.close();
  });
});
