import assert from 'node:assert/strict';
import { changeAccount } from '../../agent/access/accounts.js';
import { makeFirstLink, makeLink } from '../../agent/access/links.js';
import { LIMITS } from '../../agent/access/lockout.js';
import { logIn } from '../../agent/access/logIn.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import type { AccountRow } from '../../db/tables/accounts.js';
import { searchAudit, verifyAudit } from '../../db/tables/audit.js';
import { useDatabase } from '../support/database.js';
import { PASSWORD, page, person, token } from './rig.js';
import { csrfOf, Visitor } from './visitor.js';

describe('access: who gets in, and who does not any more', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let http: RunningHttp;
  let anna: AccountRow;
  let first: string;

  before(async () => {
    http = await page(db);
    first = (await makeFirstLink(db.database.knex))!.path;
  });
  after(() => http?.close());

  const visitor = (headers: Record<string, string> = {}) =>
    new Visitor(`http://127.0.0.1:${http.port}`, headers);
  const events = async (event: Parameters<typeof searchAudit>[1]['event']) =>
    searchAudit(db.database.knex, { event, limit: 500 });

  it('nothing is shown before there is an account, and the log-in says how there will be one', async () => {
    const somebody = visitor();
    const asked = await somebody.get('/?find=x');
    assert.deepEqual([asked.status, asked.headers.get('location')], [302, '/login?next=%2F%3Ffind%3Dx']);
    assert.equal((await somebody.get('/api/cases', { accept: '*/*' })).status, 401);
    assert.match((await somebody.get('/login')).text, /Nobody has an account yet.*calcidisc user link/s);
  });

  it('the first link makes one administrator, logs in and is used up; a weak password does not use it up', async () => {
    const owner = visitor();
    assert.match((await owner.get(first)).text, /makes the first account/);
    const weak = await owner.post(
      '/set-up',
      { token: tokenOf(first), name: 'Root', password: 'short', repeated: 'short' },
      first,
    );
    assert.deepEqual([weak.status, /12 characters/.test(weak.text)], [400, true]);
    const made = await owner.post(
      '/set-up',
      { token: tokenOf(first), name: ' Root ', password: PASSWORD, repeated: PASSWORD },
      first,
    );
    assert.deepEqual([made.status, made.headers.get('location')], [303, '/']);
    assert.match((await owner.get('/')).text, /root <span class="quiet">administrator/);
    assert.equal((await visitor().get(first)).status, 410);
    assert.equal(await makeFirstLink(db.database.knex), null);
    const [login] = await events('LOGIN');
    assert.deepEqual([login!.actor, login!.detail.by], ['user:root', 'link']);
  });

  it('name and password log in to where one wanted to go, and the id of the session is a new one', async () => {
    anna = await person(db.database, 'anna', 'radiologist');
    const somebody = visitor();
    const { text } = await somebody.get('/login?next=%2Ffind%3Fq%3D1');
    const [cookie, before] = [...somebody.cookies][0]!;
    const fields = { _csrf: csrfOf(text), name: 'ANNA ', password: PASSWORD, next: '/find?q=1' };
    const answer = await somebody.send('POST', '/login', fields);
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/find?q=1']);
    assert.notEqual(somebody.cookies.get(cookie), before);
    assert.match(answer.headers.get('set-cookie')!, /HttpOnly; SameSite=Lax/);
    // Whoever planted the id of before has nothing by it.
    const planter = visitor();
    planter.cookies.set(cookie, before);
    assert.equal((await planter.get('/')).status, 302);
  });

  it('the database holds no cookie, no token and no link that opens anything', async () => {
    const somebody = visitor();
    await somebody.logIn('anna', PASSWORD);
    const told = await token(db.database, 'held', 'viewer');
    const { path } = await makeLink(db.database.knex, {
      purpose: 'password',
      account: anna,
      actor: 'user:test',
    });
    const kept = JSON.stringify([
      await db.database.knex('accessSession').select('*'),
      await db.database.knex('apiToken').select('*'),
      await db.database.knex('accessLink').select('*'),
      await db.database.knex('auditEvent').select('*'),
    ]);
    const cookie = decodeURIComponent([...somebody.cookies.values()][0]!).split('.')[0]!;
    for (const secret of [cookie, told, tokenOf(path)])
      assert.ok(secret.length > 20 && !kept.includes(secret));
  });

  it('a form from elsewhere, or without its page, changes nothing', async () => {
    const somebody = visitor();
    await somebody.logIn('anna', PASSWORD);
    for (const [path, fields] of [
      ['/logout', {}],
      ['/logout', { _csrf: 'x'.repeat(40) }],
      ['/account/password', { old: PASSWORD, password: 'another long one', repeated: 'another long one' }],
    ] as const)
      assert.equal((await somebody.send('POST', path, fields)).status, 403, path);
    const other = visitor();
    const { text } = await other.get('/login');
    assert.equal((await somebody.send('POST', '/logout', { _csrf: csrfOf(text) })).status, 403);
    assert.equal((await somebody.get('/')).status, 200);
    const [, stale] = [
      await other.get('/login'),
      await visitor().send('POST', '/login', { name: 'anna', password: PASSWORD }),
    ];
    assert.match(stale!.text, /open for too long/);
  });

  it('logged out is logged out, also for a copy of the cookie; closed and open everywhere at once', async () => {
    const [somebody, copy] = [visitor(), visitor()];
    await somebody.logIn('anna', PASSWORD);
    for (const [name, value] of somebody.cookies) copy.cookies.set(name, value);
    assert.equal((await copy.get('/account')).status, 200);
    assert.equal((await somebody.post('/logout', {}, '/account')).headers.get('location'), '/login?ended=1');
    assert.equal((await copy.get('/account')).status, 302);
    await somebody.logIn('anna', PASSWORD);
    await changeAccount(db.database.knex, anna, { isClosed: true }, 'user:test');
    assert.equal((await somebody.get('/account')).status, 302);
    assert.equal((await visitor().logIn('anna', PASSWORD)).status, 401);
    await changeAccount(db.database.knex, anna, { isClosed: false }, 'user:test');
    await somebody.logIn('anna', PASSWORD);
    // By another way than ours: no going round in circles between page and log-in.
    await db.database.knex('account').where({ name: 'anna' }).update({ disabledAt: new Date() });
    assert.equal((await somebody.get('/account')).status, 302);
    assert.equal((await somebody.get('/login')).status, 200);
    await db.database.knex('account').where({ name: 'anna' }).update({ disabledAt: null });
    await somebody.logIn('anna', PASSWORD);
    await changeAccount(db.database.knex, anna, { role: 'auditor' }, 'user:test');
    assert.match((await somebody.get('/account')).text, /auditor/);
    await changeAccount(db.database.knex, { ...anna, role: 'auditor' }, { role: 'radiologist' }, 'user:test');
  });

  it('a new password ends all other sessions, wants the old one, and stays the only one that works', async () => {
    const bob = await person(db.database, 'bob', 'viewer');
    const [here, there] = [visitor(), visitor()];
    await here.logIn('bob', PASSWORD);
    await there.logIn('bob', PASSWORD);
    const fields = { old: PASSWORD, password: 'eight blue herons', repeated: 'eight blue herons' };
    const wrong = await here.post('/account/password', { ...fields, old: 'guess guess guess' }, '/account');
    assert.deepEqual([wrong.status, /is not right/.test(wrong.text)], [400, true]);
    assert.match((await here.post('/account/password', fields, '/account')).text, /password is changed/);
    assert.equal((await here.get('/account')).status, 200);
    assert.equal((await there.get('/account')).status, 302);
    assert.equal((await visitor().logIn('bob', PASSWORD)).status, 401);
    assert.equal((await visitor().logIn('bob', 'eight blue herons')).status, 303);
    assert.ok(bob.id);
  });

  it('the last administrator cannot be closed, nor two at the same moment close each other', async () => {
    const { knex } = db.database;
    const two = await person(db.database, 'deputy', 'administrator');
    const root = await knex('account').where({ name: 'root' }).first();
    const close = (account: AccountRow) => changeAccount(knex, account, { isClosed: true }, 'user:test');
    const done = await Promise.allSettled([close(root), close(two)]);
    assert.deepEqual(done.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await knex('account').whereIn('name', ['root', 'deputy']).update({ disabledAt: null });
  });

  it('a password is guessed at five times, then nobody listens; tries that come together count each', async () => {
    const { knex } = db.database;
    await person(db.database, 'carla', 'viewer');
    const address = '192.0.2.7';
    const guess = (password: string) => logIn(knex, { name: 'carla', password, address });
    const together = await Promise.all(Array.from({ length: 12 }, (_, i) => guess(`guess number ${i}`)));
    const looked = together.filter((each) => !each.ok && each.why === 'wrong').length;
    assert.equal(looked, LIMITS.pair.free + 1);
    const right = await guess(PASSWORD);
    assert.ok(!right.ok && right.why === 'locked' && right.waitMs > 0, 'the right one, while locked');
    assert.ok(
      (await logIn(knex, { name: 'carla', password: PASSWORD, address: '192.0.2.8' })).ok,
      'its owner elsewhere',
    );
    const [locked] = await events('LOGIN_LOCKED');
    assert.deepEqual(
      [locked!.subjectId, locked!.detail.kind, locked!.actor],
      ['carla', 'pair', `http:${address}`],
    );
    await knex('loginFailure').update({ lockedUntil: new Date(0) });
    assert.ok((await guess(PASSWORD)).ok, 'after the wait');
  });

  it('one address that tries many names is stopped; what was typed as a name is written down nowhere', async () => {
    const { knex } = db.database;
    const address = '192.0.2.9';
    const tryOne = async (i: number) => {
      const outcome = await logIn(knex, { name: `hunter${i}-typed-here`, password: 'x', address });
      return outcome.ok ? 'ok' : outcome.why;
    };
    assert.equal(await tryOne(0), 'wrong');
    // As if it had tried so many names before: each costs a second of a core.
    await knex('loginFailure')
      .where({ kind: 'address', failures: 1 })
      .update({ failures: LIMITS.address.free - 1 });
    assert.deepEqual([await tryOne(1), await tryOne(2), await tryOne(3)], ['wrong', 'wrong', 'locked']);
    const kept = JSON.stringify([
      await knex('loginFailure').select('*'),
      await knex('auditEvent').select('*'),
    ]);
    assert.ok(!kept.includes('typed-here'));
    // A good password of one's own is no licence to guess on.
    await knex('loginFailure')
      .where({ kind: 'address' })
      .update({ lockedUntil: new Date(0) });
    const { failures } = await knex('loginFailure')
      .where({ kind: 'address' })
      .orderBy('failures', 'desc')
      .first();
    assert.ok((await logIn(knex, { name: 'carla', password: PASSWORD, address })).ok);
    assert.equal(
      (await knex('loginFailure').where({ kind: 'address' }).orderBy('failures', 'desc').first()).failures,
      failures,
    );
  });

  it('the form answers 429 with when to come back', async () => {
    const somebody = visitor();
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) statuses.push((await somebody.logIn('dora', 'not it at all')).status);
    assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
    const { headers, text } = await somebody.logIn('dora', 'not it at all');
    assert.ok(Number(headers.get('retry-after')) > 0 && /Too many tries/.test(text));
    await db.database.knex('loginFailure').delete();
  });

  it('who does nothing is logged out, and a page that looks for news by itself is nobody’s doing', async () => {
    const somebody = visitor();
    await somebody.logIn('anna', PASSWORD);
    const { knex } = db.database;
    const used = async () =>
      (await knex('accessSession').where({ accountId: anna.id }).orderBy('createdAt', 'desc').first()).data
        .usedAt;
    const longAgo = Date.now() - 30 * 60_000;
    await knex('accessSession')
      .where({ accountId: anna.id })
      .update({ data: knex.raw(`jsonb_set(data, '{usedAt}', '${longAgo}')`) });
    await somebody.get('/', { 'x-calcidisc-refresh': '1' });
    assert.equal(await used(), longAgo);
    await somebody.get('/');
    assert.ok((await used()) > longAgo);
    await knex('accessSession').update({ expiresAt: new Date(0) });
    assert.equal((await somebody.get('/')).status, 302);
    assert.equal((await somebody.get('/', { 'x-calcidisc-refresh': '1' })).status, 401);
  });

  it('a program shows its token: role, end and revocation are held to, and it needs no form’s token', async () => {
    const [reader, manager] = [
      await token(db.database, 'reader', 'viewer'),
      await token(db.database, 'manager', 'administrator'),
    ];
    const by = (text: string) => visitor({ authorization: `Bearer ${text}`, accept: '*/*' });
    assert.equal((await by(reader).get('/api/cases')).status, 200);
    assert.equal((await by(reader).get('/accounts')).status, 403);
    assert.equal((await by(`${reader}x`).get('/api/cases')).status, 401);
    const added = await by(manager).send('POST', '/accounts', { name: 'eve', role: 'viewer' });
    assert.match(added.text, /set-up\?token=/);
    const listed = await by(reader).get('/api/cases');
    assert.ok(listed.status === 200 && !listed.headers.get('set-cookie'), 'a program is given no session');
    await by(manager).send('POST', '/tokens/reader/revoke', {});
    assert.equal((await by(reader).get('/api/cases')).status, 401);
    await db.database
      .knex('apiToken')
      .where({ name: 'manager' })
      .update({ expiresAt: new Date(0) });
    assert.equal((await by(manager).get('/accounts')).status, 401);
    const [lookedAt] = await events('CASES_QUERIED');
    assert.equal(lookedAt!.actor, 'token:reader');
  });

  it('who is turned away is on the trail by name, and the chain of all this holds', async () => {
    const somebody = visitor();
    await somebody.logIn('anna', PASSWORD);
    assert.equal((await somebody.get('/api/audit')).status, 403);
    const [denied] = await events('ACCESS_DENIED');
    assert.deepEqual(
      [denied!.actor, denied!.subjectId, denied!.detail.wanted],
      ['user:anna', '/api/audit', 'trail'],
    );
    assert.ok((await verifyAudit(db.database.knex)).ok);
  });
});

function tokenOf(path: string): string {
  return path.split('token=')[1]!;
}
