import assert from 'node:assert/strict';
import type { RunningHttp } from '../../agent/expose/server.js';
import { searchAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';
import { PASSWORD, page, person, token } from './rig.js';
import { Visitor } from './visitor.js';

describe('access: one study opened by another system', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let http: RunningHttp;
  let own: CaseRow;
  let other: CaseRow;
  let ris: string;

  before(async () => {
    http = await page(db, { metrics: 'token' });
    const region = await pngOf(greyRegion(90));
    own = await insertLocatedCase(db.database, regionsOf([region]));
    other = await insertLocatedCase(db.database, regionsOf([region]));
    await db.database.knex('study').update({ patientId: 'P1', patientName: 'SAME^PERSON' });
    await accession(own, 'A1');
    await accession(other, 'A2');
    ris = await token(db.database, 'ris', 'viewer');
    await person(db.database, 'anna', 'auditor');
  });
  after(() => http?.close());

  const accession = ({ mrStudyInstanceUid: studyInstanceUid }: CaseRow, accessionNumber: string) =>
    db.database.knex('study').where({ studyInstanceUid }).update({ accessionNumber });
  const origin = () => `http://127.0.0.1:${http.port}`;
  const ask = async (body: object, shown = ris) => {
    const answer = await fetch(`${origin()}/api/v1/launches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${shown}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, said: (await answer.json()) as Record<string, string> };
  };
  const pathOf = (url: string) => url.slice(origin().length);
  const launched = async (body: object = { accession: 'A1', person: 'dr.house' }) => {
    const { status, said } = await ask(body);
    assert.equal(status, 201);
    const visitor = new Visitor(origin());
    const answer = await visitor.get(pathOf(said.url!));
    return { visitor, answer, path: pathOf(said.url!) };
  };

  it('leads to the case without its token, once, and not by who asks for the head alone', async () => {
    const { said } = await ask({ study: own.mrStudyInstanceUid });
    const visitor = new Visitor(origin());
    assert.equal((await visitor.send('HEAD', pathOf(said.url!))).status, 401);
    const answer = await visitor.get(pathOf(said.url!));
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get('location'), `/cases/${own.id}`);
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const shown = await visitor.get(`/cases/${own.id}`);
    assert.equal(shown.status, 200);
    assert.ok(!shown.text.includes('token='));
    assert.equal((await new Visitor(origin()).get(pathOf(said.url!))).status, 410);
  });

  it('shows that study and nothing else: every address by its method', async () => {
    const { visitor } = await launched();
    const fill = (url: string, id: string) =>
      url.replace(':id', id).replace(':level', 'L1-L2').replace(':name', 'ris');
    const _csrf = 'none';
    for (const { method, url, wants } of http.routes) {
      if (wants === 'anyone') continue;
      const isOfCase = method !== 'POST' && /^(\/api)?\/cases\/:id/.test(url);
      const at = (id: string) =>
        visitor.send(method, fill(url, id), method === 'POST' ? { _csrf } : undefined, { accept: '*/*' });
      const { status } = await at(own.id);
      assert.equal(status === 403, !isOfCase, `${method} ${url}: ${status}`);
      if (isOfCase) assert.equal((await at(other.id)).status, 403, `${method} ${url} of another study`);
    }
    assert.equal((await visitor.get('/nothing/here')).status, 403);
  });

  it('of the patient’s other studies nothing is shown, which somebody logged in is shown', async () => {
    for (const row of [own, other])
      await db.database
        .knex('series')
        .where({ seriesInstanceUid: row.mrSeriesInstanceUid })
        .update({
          acquisitionDate: row === own ? '2026-02-01' : '2025-01-01',
        });
    const { visitor } = await launched();
    const shown = (await visitor.get(`/cases/${own.id}`)).text;
    assert.ok(!shown.includes(other.id) && !shown.includes('over time'));
    const anna = new Visitor(origin());
    await anna.logIn('anna', PASSWORD);
    const whole = (await anna.get(`/cases/${own.id}`)).text;
    assert.ok(whole.includes(`/cases/${other.id}`) && whole.includes('over time'));
    const { visitor: _, answer } = await launched();
    assert.equal(answer.status, 303);
  });

  it('who is logged in stays who they are', async () => {
    const anna = new Visitor(origin());
    await anna.logIn('anna', PASSWORD);
    const { said } = await ask({ accession: 'A1' });
    assert.equal((await anna.get(pathOf(said.url!))).status, 303);
    assert.equal((await anna.get('/audit')).status, 200);
  });

  it('is on the trail with who asked and for whom, and the token nowhere', async () => {
    const { visitor, path } = await launched();
    await visitor.get(`/cases/${own.id}`);
    const trail = await searchAudit(db.database.knex, { limit: 1_000 });
    const made = trail.find(({ event }) => event === 'LAUNCH_MADE');
    assert.deepEqual([made?.actor, made?.subjectId], ['token:ris', own.mrStudyInstanceUid]);
    const looked = trail.find(({ event, actor }) => event === 'CASE_VIEWED' && actor.startsWith('launch:'));
    assert.equal(looked?.actor, 'launch:ris:dr.house');
    const text = JSON.stringify(trail) + JSON.stringify(await db.database.knex('studyLaunch').select('*'));
    assert.ok(!text.includes(path.split('token=')[1]!));
  });

  it('an id of a session that was there before knows nothing after it', async () => {
    const { said } = await ask({ accession: 'A1' });
    const visitor = new Visitor(origin());
    await visitor.get('/login');
    const before = [...visitor.cookies].map((each) => each.join('=')).join('; ');
    await visitor.get(pathOf(said.url!));
    const fixed = await new Visitor(origin()).get(`/cases/${own.id}`, { cookie: before, accept: '*/*' });
    assert.equal(fixed.status, 401);
  });

  it('ends: the link after its minutes, the session after its hour', async () => {
    const { said } = await ask({ accession: 'A1', minutes: 1 });
    await db.database.knex('studyLaunch').update({ expiresAt: new Date(Date.now() - 1) });
    assert.equal((await new Visitor(origin()).get(pathOf(said.url!))).status, 410);
    const { visitor } = await launched();
    await db.database.knex('accessSession').update({ expiresAt: new Date(Date.now() - 1) });
    assert.equal((await visitor.get(`/cases/${own.id}`, { accept: '*/*' })).status, 401);
  });

  for (const [body, status, why] of [
    [{}, 400, /accession or study/],
    [{ accession: 'NOT-THERE' }, 404, /no case/],
    [{ accession: 'A1', person: 'a\nb' }, 400, /person/],
    [{ accession: 'A1', minutes: 600 }, 400, /minutes/],
    [{ accession: 'A1', role: 'administrator' }, 400, /role/],
  ] as const)
    it(`${JSON.stringify(body)} is ${status} and says why`, async () => {
      const { status: was, said } = await ask(body);
      assert.equal(was, status);
      assert.match(said.detail!, why);
    });

  it('an accession number of two studies opens neither, and a monitor’s token asks in vain', async () => {
    await accession(other, 'A1');
    assert.equal((await ask({ accession: 'A1' })).status, 409);
    await accession(other, 'A2');
    const monitor = await token(db.database, 'prometheus', 'monitor');
    assert.equal((await ask({ accession: 'A1' }, monitor)).status, 403);
  });
});
