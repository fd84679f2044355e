import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { addGate } from '../../agent/expose/gate/gate.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import { projectRoot } from '../../config/root.js';
import { quietLog, useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';
import { ASKERS, type Asker, accessTable, expected } from './accessTable.js';
import { page, person, token } from './rig.js';
import { csrfOf, Visitor } from './visitor.js';

const OIDC = { issuer: 'http://127.0.0.1:1/', clientId: 'calcidisc', roles: {} };

/** Takes nothing: who may send is looked at before. */
const DOOR = { refusal: () => ({ isForGood: false, reason: 'full' }), open: () => assert.fail() };

describe('access: every address by every role', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let http: RunningHttp;
  let caseId: string;
  const tokens = new Map<Asker, string>();

  before(async () => {
    const stow = { enabled: true };
    const settings = { metrics: 'token', oidc: OIDC, stow, publicUrl: 'http://127.0.0.1:8080' };
    http = await page(db, settings, quietLog, DOOR);
    caseId = (await insertLocatedCase(db.database, regionsOf([await pngOf(greyRegion(90))]))).id;
    await person(db.database, 'somebody', 'viewer');
    for (const asker of ASKERS)
      if (asker !== 'nobody') tokens.set(asker, await token(db.database, asker, asker));
  });
  after(() => http?.close());

  const addressOf = (url: string) =>
    url.replace(':id', caseId).replace(':level', 'L4-L5').replace(':name', 'not-there');

  for (const asker of ASKERS)
    it(`${asker}: as the table in the code says, asked for real`, async () => {
      const shown = tokens.get(asker);
      const visitor = new Visitor(`http://127.0.0.1:${http.port}`, {
        accept: '*/*',
        ...(shown && { authorization: `Bearer ${shown}` }),
      });
      const _csrf = csrfOf((await visitor.get('/login')).text);
      assert.ok(http.routes.length > 20);
      for (const { method, url, wants } of http.routes) {
        const fields = method === 'POST' ? { _csrf } : undefined;
        const { status } = await visitor.send(method, addressOf(url), fields);
        const was = status === 401 ? 'who' : status === 403 ? 'no' : 'yes';
        // A wrong password, and nothing else, is answered 401 by the log-in itself.
        const wanted = method === 'POST' && url === '/login' ? 'who' : expected(wants, asker);
        assert.equal(was, wanted, `${method} ${url} (${wants}) by ${asker}: ${status}`);
      }
      await db.database.knex('loginFailure').delete();
    });

  it('nobody reaches what is no address either', async () => {
    const { status } = await new Visitor(`http://127.0.0.1:${http.port}`, { accept: '*/*' }).get(
      '/nothing/here',
    );
    assert.equal(status, 401);
  });

  it('what stays open shows no patient: style, script, /healthz, /readyz', async () => {
    await db.database.knex('study').update({ patientName: 'SECRET^NAME', patientId: 'SECRET-ID' });
    const visitor = new Visitor(`http://127.0.0.1:${http.port}`);
    for (const path of ['/healthz', '/readyz', '/assets/style.css', '/assets/live.js', '/login']) {
      const { status, text } = await visitor.get(path);
      assert.ok([200, 503].includes(status) && !text.includes('SECRET'), path);
    }
  });

  it('something that changes and does not say who may ends the start', async () => {
    const app = fastify();
    await addGate(app, { ...db, log: quietLog }, []);
    assert.throws(() => app.post('/forgotten', async () => null), /does not say who may/);
    await app.close();
  });

  // WRITE_DOCS=1 puts it there.
  it('docs/access.md has this very table', () => {
    const table = accessTable(http.routes);
    const path = join(projectRoot, 'docs/access.md');
    const written = readFileSync(path, 'utf8');
    const docs = process.env.WRITE_DOCS
      ? written.replace(/\| address \|[\s\S]*?\n(?=\n)/, () => `${table}\n`)
      : written;
    if (docs !== written) writeFileSync(path, docs);
    assert.ok(docs.includes(table), `docs/access.md has another table than the code; the code's:\n${table}`);
  });
});
