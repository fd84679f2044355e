import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { lookAtConditions } from '../../agent/expose/conditions.js';
import { startHttp } from '../../agent/expose/server.js';
import type { HttpParts } from '../../agent/expose/types.js';
import { certificateProblem } from '../../cli/doctor/certificates.js';
import { examine } from '../../cli/doctor/checks.js';
import { parseConfig } from '../../config/load.js';
import { createKnex } from '../../db/server/knex.js';
import { ensureDeliveries, markFailed, startDelivery } from '../../db/tables/deliveries.js';
import { lightOf, lineOf, STATES, says } from '../cli/lights.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { testAuthority } from '../support/certificates.js';
import { quietLog, useDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';

type State = (typeof STATES)[number];
const DAY_MS = 24 * 3_600_000;

/** States of a service that runs: what doctor, /readyz, metrics and every page say of each (docs/lights.md). */
describe('a light that is not green: doctor, /readyz, metrics and page', () => {
  const db = useDatabase({ http: { port: 0 } });
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
  const seen = new Set<State>();

  /** Looks at a service with these parts, and holds what every light says against its row. */
  const walk = async (state: State, parts: Partial<HttpParts> = {}) => {
    seen.add(state);
    const row = lightOf(state);
    const config = parts.config ?? db.config;
    const http = await startHttp({ database: db.database, queues, log: quietLog, ...parts, config });
    const get = async (path: string) => {
      const url = `http://127.0.0.1:${http.port}${path}`;
      const answer = await fetch(url, { headers: { accept: 'text/html' } });
      return { status: answer.status, text: await answer.text() };
    };
    const [ready, metrics, page] = [await get('/readyz'), await get('/metrics'), await get('/')];
    const { host } = db.config.http;
    const around = parseConfig({ ...structuredClone(db.config), http: { host, port: http.port } });
    const lines = (await examine({ ...around, route: config.route })).map(lineOf);
    await http.close();
    assert.ok(
      lines.some((line) => says(line, row.doctor)),
      `${row.doctor}\n${lines.join('\n')}`,
    );
    const { status } = JSON.parse(ready.text) as { status: string };
    assert.ok(says(status, row.ready), `${row.ready}\n${status}`);
    if (row.ready === 'ready') {
      assert.equal(ready.status, 200);
      assert.ok(!page.text.includes('class="alert condition"'));
      return;
    }
    assert.equal(ready.status, 503);
    assert.match(metrics.text, /calcidisc_condition\{what="\w+"\} 0/);
    assert.match(page.text, /<html/);
    assert.ok(says(textOf(page.text), row.ready), page.text);
  };

  after(() => assert.deepEqual([...seen].toSorted(), [...STATES].toSorted(), 'every state is walked'));

  it('all is well', () => walk('all is well'));

  it('images are refused (A700)', () =>
    walk('images are refused (A700)', { refusal: () => '3 MiB are free, the watermark is 512' }));

  it('the queue is away', () =>
    walk('the queue is away', {
      queues: { depth: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6379')) },
    }));

  it('no classifier can work here', () =>
    walk('no classifier can work here', {
      worker: async () => 'none is active: calcidisc model activate X',
    }));

  it('cases wait for a classifier elsewhere', async () => {
    const row = await insertLocatedCase(db.database, regionsOf([await pngOf(greyRegion(40))]));
    const waitingFor = 'a classifier: resnet34@1 is active, but not on this host';
    await db.database.knex('case').where({ id: row.id }).update({ waitingFor });
    await walk('cases wait for a classifier elsewhere').finally(() =>
      db.database.knex('case').where({ id: row.id }).update({ waitingFor: null }),
    );
  });

  it('a destination has refused a report for good', async () => {
    const { knex } = db.database;
    const { row, report } = await insertReportedCase(db.database);
    const [delivery] = await ensureDeliveries(knex, report.id, ['pacs']);
    await startDelivery(knex, delivery!.id);
    const error = new CalcidiscError('DESTINATION_REFUSED', 'called AE title not recognised');
    assert.ok(await markFailed(knex, delivery!.id, { status: null, error, delayMs: null }));
    await knex('case').where({ id: row.id }).update({ state: 'parked' });
    const route = { destinations: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: 1 }] };
    const config = parseConfig({ ...structuredClone(db.config), route });
    await walk('a destination has refused a report for good', { config });
  });

  it('the certificate went out of date while it runs', async function () {
    needsPeer(this, 'openssl');
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-states-'));
    const { certFile, keyFile } = await (await testAuthority(dir)).issue('us');
    const tls = { certFile, keyFile, clientCertificates: 'none', minVersion: 'TLSv1.2' } as const;
    assert.equal(certificateProblem(tls), null);
    const certificate = () => certificateProblem(tls, new Date(Date.now() + 2 * DAY_MS));
    await walk('the certificate went out of date while it runs', { certificate });
    await rm(dir, { recursive: true });
  });

  it('the database went away: the page says so, as a page', async () => {
    const knex = createKnex(`postgres://nobody@127.0.0.1:${await freePort()}/none`, 1);
    await walk('the database went away', { database: { knex } }).finally(() => knex.destroy());
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

/** What a person reads of a page. */
function textOf(page: string): string {
  return page
    .replace(/<[^>]+>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replace(/\s+/g, ' ');
}
