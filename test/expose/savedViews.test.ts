import assert from 'node:assert/strict';
import type { RunningHttp } from '../../agent/expose/server.js';
import { PASSWORD, page, person } from '../access/rig.js';
import { Visitor } from '../access/visitor.js';
import { useDatabase } from '../support/database.js';

describe('expose: columns and views of one’s own', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let http: RunningHttp;
  let anna: Visitor;
  let bert: Visitor;

  before(async () => {
    http = await page(db);
    for (const name of ['anna', 'bert']) await person(db.database, name, 'viewer');
    [anna, bert] = [
      new Visitor(`http://127.0.0.1:${http.port}`),
      new Visitor(`http://127.0.0.1:${http.port}`),
    ];
    await anna.logIn('anna', PASSWORD);
    await bert.logIn('bert', PASSWORD);
  });
  after(() => http?.close());

  const save = (visitor: Visitor, name: string, query: string) =>
    visitor.post('/views', { name, query }, '/');

  it('a list is kept by a name, its owner’s alone, and leads back to what was asked', async () => {
    const query =
      'flag=calcified&sort=patient&columns=mr%2Csite&after=11111111-1111-4111-8111-111111111111&page=3';
    const saved = await save(anna, '<i>Mine</i>', query);
    assert.equal(saved.status, 303);
    const kept = '/?flag=calcified&sort=patient&columns=mr%2Csite';
    assert.equal(saved.headers.get('location'), kept);
    const shown = (await anna.get('/')).text;
    assert.ok(shown.includes('&lt;i&gt;Mine&lt;/i&gt;') && shown.includes(kept.replaceAll('&', '&amp;')));
    assert.ok(!(await bert.get('/')).text.includes('Mine'));
    assert.equal((await bert.post('/views/delete', { name: '<i>Mine</i>' }, '/')).status, 404);
    assert.match((await anna.get(kept)).text, /Delete this view/);
    assert.equal((await anna.post('/views/delete', { name: '<i>Mine</i>' }, '/')).status, 303);
    assert.ok(!(await anna.get('/')).text.includes('Mine'));
  });

  it('what no list can be asked is kept as the whole list, and leads nowhere else', async () => {
    const saved = await save(anna, 'odd', '//evil.example/?flag=nothing');
    assert.equal(saved.headers.get('location'), '/');
  });

  it('an account keeps thirty; a name again is the new list', async () => {
    for (let i = 0; i < 29; i++) assert.equal((await save(bert, `v${i}`, 'flag=calcified')).status, 303);
    assert.equal((await save(bert, 'v0', 'flag=disagree')).status, 303);
    assert.equal((await save(bert, 'v29', '')).status, 303);
    assert.equal((await save(bert, 'v30', '')).status, 400);
    const rows = await db.database.knex('savedView').where({ name: 'v0' }).select('query');
    assert.deepEqual(rows, [{ query: 'flag=disagree' }]);
  });

  it('shows the columns that are asked for, by checked boxes or by an address, and refuses others', async () => {
    const heads = async (path: string) =>
      [...(await anna.get(path)).text.matchAll(/<th scope="col"[^>]*>([^<]*)</g)].map(([, words]) => words);
    await db.database.knex('study').insert({ studyInstanceUid: '1.2' });
    await db.database
      .knex('series')
      .insert({ seriesInstanceUid: '1.2.1', studyInstanceUid: '1.2', modality: 'MR' });
    await db.database.knex('case').insert({
      id: '11111111-1111-4111-8111-111111111111',
      mrStudyInstanceUid: '1.2',
      mrSeriesInstanceUid: '1.2.1',
      state: 'received',
    });
    const levels = ['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1'];
    assert.deepEqual(await heads('/'), ['Patient', 'Accession', 'MR', 'CT', ...levels, 'State']);
    assert.deepEqual(await heads('/?columns=site&columns=readers'), [
      'Patient',
      'Site',
      'Readers',
      ...levels,
    ]);
    assert.deepEqual(await heads('/?columns=state%2Cmr'), ['Patient', 'MR', ...levels, 'State']);
    assert.equal((await anna.get('/?columns=patient_name')).status, 400);
  });
});
