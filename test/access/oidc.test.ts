import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import type { RunningHttp } from '../../agent/expose/server.js';
import { searchAudit } from '../../db/tables/audit.js';
import { useDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { PASSWORD, page, person } from './rig.js';
import { Visitor } from './visitor.js';

/** Who the provider knows, by the name they log in with there. */
const PEOPLE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '1001': { preferred_username: 'rita', groups: ['radiology', 'staff'] },
  '1002': { preferred_username: 'norbert', groups: ['kitchen'] },
  '1003': { preferred_username: 'anna', groups: ['radiology'] },
};

describe('access: OpenID Connect against a real provider (oidc-provider)', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let http: RunningHttp;
  let server: Server;
  let origin: string;
  let issuer: string;
  const groups = new Map(Object.entries(PEOPLE).map(([sub, { groups: own }]) => [sub, own]));

  before(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    server = createServer();
    await new Promise<void>((up) => server.listen(0, '127.0.0.1', up));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', provider(issuer, origin, groups).callback());
    http = await page(db, {
      port,
      oidc: {
        issuer,
        clientId: 'calcidisc',
        roleClaim: 'groups',
        roles: { radiologist: ['radiology'], auditor: ['quality'] },
        label: 'Hospital log-in',
      },
    });
  });
  after(async () => {
    await http?.close();
    server?.close();
  });

  /** To the provider, through its own log-in and consent forms, and back; with everybody's cookies kept. */
  async function goThrough(visitor: Visitor, sub: string, start = '/login/oidc'): Promise<string> {
    const there = new Visitor(issuer);
    const left = await visitor.get(start);
    assert.equal(left.status, 302);
    let at = new URL(left.headers.get('location')!);
    for (let i = 0; i < 12 && at.origin === issuer; i++) {
      let answer = await there.get(at.pathname + at.search);
      const form = /action="([^"]+)"/.exec(answer.text)?.[1];
      if (answer.status === 200 && form) {
        const { pathname } = new URL(form, issuer);
        const prompt = /name="prompt" value="(\w+)"/.exec(answer.text)![1]!;
        answer = await there.send('POST', pathname, { prompt, login: sub, password: 'any' });
      }
      at = new URL(answer.headers.get('location')!, issuer);
    }
    assert.equal(at.origin, origin);
    return at.pathname + at.search;
  }

  it('is offered on the log-in page, and lets in who has a role, under their name and to where they wanted', async () => {
    const visitor = new Visitor(origin);
    assert.match(
      (await visitor.get('/login?next=%2Ffind')).text,
      /href="\/login\/oidc\?next=%2Ffind">Hospital log-in/,
    );
    const back = await goThrough(visitor, '1001', '/login/oidc?next=%2Ffind');
    const arrived = await visitor.get(back);
    assert.deepEqual([arrived.status, arrived.headers.get('location')], [302, '/find'], arrived.text);
    assert.match((await visitor.get('/')).text, /rita <span class="quiet">radiologist/);
    const [login] = await searchAudit(db.database.knex, { event: 'LOGIN', limit: 1 });
    assert.deepEqual([login!.actor, login!.detail.by], ['user:rita', 'oidc']);
    assert.equal((await visitor.get(back)).status, 400, 'an answer is good once');
  });

  it('an answer that was asked for by somebody else, or with another state, logs nobody in', async () => {
    const [visitor, other] = [new Visitor(origin), new Visitor(origin)];
    const back = await goThrough(visitor, '1001');
    assert.equal((await other.get(back)).status, 400);
    await goThrough(other, '1001');
    const forged = back.replace(/state=[^&]+/, 'state=forged');
    const refused = await visitor.get(forged);
    assert.equal(refused.status, 400);
    assert.ok(!refused.text.includes(new URLSearchParams(back.split('?')[1]).get('code')!));
    assert.equal((await visitor.get('/')).status, 302);
  });

  it('who has no role here is told so, and by whom it is given', async () => {
    const visitor = new Visitor(origin);
    const refused = await visitor.get(await goThrough(visitor, '1002'));
    assert.equal(refused.status, 400);
    assert.match(refused.text, /norbert has no role here/);
    const [failed] = await searchAudit(db.database.knex, { event: 'LOGIN_FAILED', limit: 1 });
    assert.deepEqual([failed!.subjectId, failed!.detail.by], ['norbert', 'oidc']);
  });

  it('a name that is somebody’s here is not taken over, nor does the account get a password', async () => {
    await person(db.database, 'anna', 'administrator');
    const visitor = new Visitor(origin);
    assert.match(
      (await visitor.get(await goThrough(visitor, '1003'))).text,
      /another account is called anna/,
    );
    assert.equal((await visitor.get('/accounts')).status, 302);
    assert.equal((await new Visitor(origin).logIn('rita', PASSWORD)).status, 401);
  });

  it('another role at the provider is another role here, with the next log-in', async () => {
    groups.set('1001', ['quality']);
    const visitor = new Visitor(origin);
    await visitor.get(await goThrough(visitor, '1001'));
    assert.equal((await visitor.get('/api/audit', { accept: '*/*' })).status, 200);
    groups.set('1001', []);
    const again = new Visitor(origin);
    assert.equal((await again.get(await goThrough(again, '1001'))).status, 400);
  });

  it('a provider that is away is said, and local accounts log in all the same', async () => {
    const away = await page(db, {
      publicUrl: 'http://127.0.0.1:8080',
      oidc: { issuer: `http://127.0.0.1:${await freePort()}`, clientId: 'calcidisc', roles: {} },
    });
    const visitor = new Visitor(`http://127.0.0.1:${away.port}`);
    const { status, text } = await visitor.get('/login/oidc');
    assert.deepEqual([status, /does not answer as it should/.test(text)], [503, true]);
    assert.equal((await visitor.logIn('anna', PASSWORD)).status, 303);
    await away.close();
  });
});

function provider(issuer: string, origin: string, groups: ReadonlyMap<string, unknown>): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: 'calcidisc',
        token_endpoint_auth_method: 'none',
        redirect_uris: [`${origin}/login/oidc/callback`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
    findAccount: async (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, ...PEOPLE[sub], groups: groups.get(sub) }),
    }),
  });
}
