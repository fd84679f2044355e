import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Locator } from '../../agent/locate/pool.js';
import { askForReadings } from '../../agent/read/gather.js';
import { openReadings } from '../../agent/read/readings.js';
import { listAudit } from '../../db/tables/audit.js';
import { countReadings, listReadings, listReadRegions } from '../../db/tables/readings.js';
import { completeSeries, findSeries } from '../../db/tables/series.js';
import type { WorkingOff } from '../../db/work/workOff.js';
import { makeSeries } from '../support/cases.js';
import { quietLog, useDatabase } from '../support/database.js';
import { ownFiles } from '../support/files.js';
import { located, testReader } from '../support/readings.js';
import { until } from '../support/until.js';

describe('series are read once, whatever happens meanwhile', () => {
  const db = useDatabase({ retry: { firstMs: 10, maxMs: 20, maxAttempts: 3 } });
  const knex = () => db.database.knex;
  const started: WorkingOff[] = [];
  afterEach(async () => {
    for (const each of started.splice(0)) await each.close();
  });

  async function due(role: 'mr' | 'ct' = 'mr'): Promise<string> {
    const { seriesInstanceUid } = await makeSeries(knex(), role === 'ct' ? 'CT' : 'MR');
    await knex()('series').where({ seriesInstanceUid }).update({ role });
    await completeSeries(knex(), seriesInstanceUid, 'counted');
    await askForReadings(knex(), [(await findSeries(knex(), seriesInstanceUid))!], testReader);
    return seriesInstanceUid;
  }

  /** A reader whose localiser does as told; how the end was told is kept. */
  function start(read: Locator['locateMr'], threads = 2) {
    const ended: string[] = [];
    const locator: Locator = {
      localiser: testReader.localiser,
      locateMr: read,
      measureCt: read as unknown as Locator['measureCt'],
      close: async () => undefined,
    };
    const working = openReadings({
      config: { ...db.config, locate: { ...db.config.locate, threads } },
      database: db.database,
      files: ownFiles(db.config, db.database),
      locator,
      reader: testReader,
      onRead: async (_, { seriesInstanceUid }) => {
        ended.push(seriesInstanceUid);
        return [];
      },
      wakeCase: () => undefined,
      log: quietLog,
    });
    working.begin();
    started.push(working);
    return { working, ended };
  }

  const readingOf = async (uid: string) => (await listReadings(knex(), [uid], testReader.sha256))[0]!;
  async function untilState(uid: string, state: string) {
    return until(
      async () => {
        const row = await readingOf(uid);
        return row.state === state ? row : null;
      },
      10_000,
      () => readingOf(uid),
    );
  }

  it('what was found is kept whole, and stands on the trail', async () => {
    const uid = await due();
    const png = Buffer.from([137, 80]);
    const pictureFigures = { grey: 91.5, noise: null, sharpness: 0.07 };
    const found = {
      ...located(uid, 'MR'),
      pictureFigures,
      regions: [{ level: 'L4-L5' as const, png, sha256: '00' }],
    };
    const { ended } = start(async () => found);
    const row = await untilState(uid, 'done');
    assert.deepEqual(row.result, JSON.parse(JSON.stringify(found.result)));
    assert.deepEqual(row.pictureFigures, pictureFigures);
    assert.deepEqual(
      (await listReadRegions(knex(), row.id)).map(({ level }) => level),
      ['L4-L5'],
    );
    const [event] = await listAudit(knex(), 'series', uid);
    assert.deepEqual([event?.event, event?.detail.status], ['SERIES_READ', 'not-found']);
    assert.deepEqual(ended, [uid]);
    await askForReadings(knex(), [(await findSeries(knex(), uid))!], testReader);
    assert.equal((await readingOf(uid)).state, 'done', 'asked for again, it is there');
  });

  it('what was asked for first is read first', async () => {
    const uids = [await due(), await due('ct'), await due()];
    // One at a time: with more the order in which they begin is kept, and which ends first is chance.
    const { ended } = start(async () => located('1.2.3', 'MR'), 1);
    for (const uid of uids) await untilState(uid, 'done');
    assert.deepEqual(ended, uids);
  });

  it('an error that may pass is tried again, and told when it does not; one that cannot pass is told at once', async () => {
    const [passing, lasting, hopeless] = [await due(), await due(), await due()];
    const tries = new Map<string, number>();
    const { ended } = start(async () => {
      throw new Error('unused');
    });
    await started.pop()!.close();
    const byTurn = [passing, lasting, hopeless];
    for (const uid of byTurn) {
      await knex()('seriesReading')
        .whereNot({ seriesInstanceUid: uid })
        .update({ nextAttemptAt: 'infinity' });
      await knex()('seriesReading')
        .where({ seriesInstanceUid: uid })
        .update({ state: 'due', attempts: 0, owner: null, endedAt: null, nextAttemptAt: new Date(0) });
      const { working } = start(async () => {
        const tried = (tries.get(uid) ?? 0) + 1;
        tries.set(uid, tried);
        if (uid === hopeless) throw new CalcidiscError('PIXELS_UNSUPPORTED', 'no such codec');
        if (uid === passing && tried === 2) return located(uid, 'MR');
        throw new Error('out of memory');
      });
      await untilState(uid, uid === passing ? 'done' : 'failed');
      await working.close();
    }
    assert.deepEqual(
      byTurn.map((uid) => tries.get(uid)),
      [2, 3, 1],
    );
    const { lastErrorCode, lastError } = await readingOf(hopeless);
    assert.deepEqual([lastErrorCode, lastError], ['PIXELS_UNSUPPORTED', 'no such codec']);
    assert.equal((await countReadings(knex())).failed, 2);
    assert.equal(ended.length, 0);
  });

  it('a process that died is followed by the next; one that died every time is given up', async () => {
    const [once, often] = [await due(), await due()];
    const dead = { state: 'reading', owner: randomInt(1, 2 ** 31 - 1) };
    await knex()('seriesReading')
      .where({ seriesInstanceUid: once })
      .update({ ...dead, attempts: 1 });
    await knex()('seriesReading')
      .where({ seriesInstanceUid: often })
      .update({ ...dead, attempts: 3 });
    start(async () => located('1.2.3', 'MR'));
    await untilState(once, 'done');
    assert.equal((await untilState(often, 'failed')).lastErrorCode, 'STEP_DIED');
  });

  it('of two processes that read the same one counts', async () => {
    const uid = await due();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { ended } = start(async () => {
      await held;
      return located(uid, 'MR');
    });
    await untilState(uid, 'reading');
    // Another process has taken it over and ended it: the first one's word comes too late.
    await knex()('seriesReading')
      .where({ seriesInstanceUid: uid })
      .update({ state: 'done', owner: null, result: '{"discs":[]}', milliseconds: 1, endedAt: new Date() });
    release();
    await started.pop()!.close();
    assert.deepEqual(ended, []);
    assert.deepEqual((await readingOf(uid)).result, { discs: [] });
  });
});
