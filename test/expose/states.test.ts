import assert from 'node:assert/strict';
import { type ConditionName, lookAtConditions } from '../../agent/expose/conditions.js';
import { startHttp } from '../../agent/expose/server.js';
import { createKnex } from '../../db/server/knex.js';
import { quietLog, useDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';

/** States of a service: what /readyz, metrics and every page say of each. */
describe('a light that is not green: /readyz, metrics and page', () => {
  const db = useDatabase({ http: { port: 0 } });
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };

  const look = async (parts: Partial<Parameters<typeof startHttp>[0]>) => {
    const http = await startHttp({
      config: db.config,
      database: db.database,
      queues,
      log: quietLog,
      ...parts,
    });
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${http.port}${path}`, {
        headers: { accept: 'text/html' },
      });
      return { status: answer.status, text: await answer.text() };
    };
    const seen = { ready: await get('/readyz'), metrics: await get('/metrics'), page: await get('/') };
    await http.close();
    return seen;
  };
  const says = async (
    what: ConditionName,
    reason: RegExp,
    parts: Partial<Parameters<typeof startHttp>[0]>,
  ) => {
    const { ready, metrics, page } = await look(parts);
    assert.equal(ready.status, 503);
    assert.match(ready.text, reason);
    assert.match(metrics.text, new RegExp(`calcidisc_condition\\{what="${what}"\\} 0`));
    assert.match(page.text, reason);
  };

  it('all is well', async () => {
    const { ready, page } = await look({});
    assert.equal(ready.status, 200);
    assert.ok(!page.text.includes('class="alert condition"'));
  });

  it('images are refused (A700)', () =>
    says('receiving', /3 MiB are free/, { refusal: () => '3 MiB are free, the watermark is 512' }));

  it('the queue is away', () =>
    says('queue', /ECONNREFUSED/, {
      queues: { depth: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6379')) },
    }));

  it('no classifier can work here', () =>
    says('classifier', /none is active/, {
      worker: async () => 'none is active: calcidisc model activate X',
    }));

  it('cases wait for a classifier elsewhere', async () => {
    const row = await insertLocatedCase(db.database, regionsOf([await pngOf(greyRegion(40))]));
    const waitingFor = 'a classifier: resnet34@1 is active, but not on this host';
    await db.database.knex('case').where({ id: row.id }).update({ waitingFor });
    await says('classifier', /1 cases wait for a classifier: resnet34@1/, {});
    await db.database.knex('case').where({ id: row.id }).update({ waitingFor: null });
  });

  it('the database is away: the page says so, as a page', async () => {
    const knex = createKnex(`postgres://nobody@127.0.0.1:${await freePort()}/none`, 1);
    try {
      const { ready, page } = await look({ database: { knex } });
      assert.equal(ready.status, 503);
      assert.match(ready.text, /The database does not answer/);
      assert.deepEqual([page.status, /<html/.test(page.text)], [503, true]);
      assert.match(page.text, /The database does not answer/);
    } finally {
      await knex.destroy();
    }
  });

  it('one that hangs hides nothing of the others', async () => {
    const conditions = await lookAtConditions({
      config: db.config,
      database: db.database,
      queues: { depth: () => new Promise(() => undefined) },
      refusal: () => 'the disk is full',
    });
    const broken = conditions.filter(({ ok }) => !ok).map(({ what }) => what);
    assert.deepEqual(broken, ['queue', 'receiving']);
  });
});
