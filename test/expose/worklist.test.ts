import assert from 'node:assert/strict';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { insertReport } from '../../db/tables/reports.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { quietLog, useDatabase } from '../support/database.js';

interface Listed {
  readonly total: number;
  readonly cases: readonly { readonly accessionNumber: string }[];
}

/** What a person does with the list: search, count, sort, walk from case to case, go back. */
describe('the worklist and its cases', () => {
  const db = useDatabase({ http: { port: 0 } });
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
  let http: RunningHttp;
  /** By accession number. */
  const cases = new Map<string, CaseRow>();

  before(async () => {
    http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    const people = [
      ['A-3', 'Zander^Ina', 'P1', '2024-01-03'],
      ['A-1', 'Anders^Bo', 'P2', '2024-01-02'],
      ['A-2', 'Anders^Ada', 'P3', '2024-01-01'],
    ] as const;
    for (const [accessionNumber, patientName, patientId, acquisitionDate] of people) {
      const { row } = await insertReportedCase(db.database);
      const { mrStudyInstanceUid: studyInstanceUid, mrSeriesInstanceUid: seriesInstanceUid } = row;
      const { knex } = db.database;
      await knex('study').where({ studyInstanceUid }).update({ accessionNumber, patientName, patientId });
      await knex('series').where({ seriesInstanceUid }).update({ acquisitionDate });
      cases.set(accessionNumber, row);
    }
  });
  after(() => http?.close());

  const get = async (path: string, accept = 'text/html') => {
    const answer = await fetch(`http://127.0.0.1:${http.port}${path}`, { headers: { accept } });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const list = async (query: string) => {
    const { total, cases: rows } = JSON.parse((await get(`/api/cases?${query}`)).text) as Listed;
    return { total, order: rows.map(({ accessionNumber }) => accessionNumber) };
  };

  it('finds by part of name, patient ID and accession number, and says how many there are in all', async () => {
    assert.deepEqual(await list('find=anders'), { total: 2, order: ['A-2', 'A-1'] });
    assert.deepEqual(await list('find=bo anders'), { total: 1, order: ['A-1'] });
    assert.deepEqual(await list('find=p3'), { total: 1, order: ['A-2'] });
    assert.deepEqual(await list('find=A-&limit=2'), { total: 3, order: ['A-2', 'A-1'] });
    assert.match((await get('/?find=anders')).text, /<span>2 cases<\/span>/);
  });

  it('sorts by each of what it offers', async () => {
    const orders = {
      newest: ['A-2', 'A-1', 'A-3'],
      patient: ['A-2', 'A-1', 'A-3'],
      accession: ['A-1', 'A-2', 'A-3'],
      mr: ['A-3', 'A-1', 'A-2'],
    };
    for (const [sort, order] of Object.entries(orders))
      assert.deepEqual((await list(`sort=${sort}`)).order, order);
    assert.equal((await list('sort=state')).total, 3);
  });

  it('has a column for the accession number', async () => {
    const { text } = await get('/?sort=accession');
    assert.match(text, /<th scope="col">Accession<\/th>/);
    assert.deepEqual(
      [...text.matchAll(/<td class="accession"[^>]*>([^<]*)</g)].map(([, number]) => number),
      ['A-1', 'A-2', 'A-3'],
    );
  });

  it('goes from case to case in the order of the list it came from, and back to that list', async () => {
    const { text } = await get('/?sort=accession&find=A-');
    const href = /href="(\/cases\/[^"]+)"/.exec(text)![1]!.replaceAll('&amp;', '&');
    const first = await get(href);
    assert.match(first.text, /href="\/\?find=A-&amp;sort=accession">← Worklist/);
    assert.doesNotMatch(first.text, /rel="prev"/);
    const next = /rel="next" href="([^"]+)"/.exec(first.text)![1]!.replaceAll('&amp;', '&');
    assert.ok(next.includes(cases.get('A-2')!.id), next);
    const second = await get(next);
    for (const [rel, accession] of [
      ['prev', 'A-1'],
      ['next', 'A-3'],
    ] as const)
      assert.ok(second.text.includes(`rel="${rel}" href="/cases/${cases.get(accession)!.id}?list=`), rel);
  });

  it('a list that nobody could have asked for is the whole worklist, not an error', async () => {
    assert.equal((await get(`/cases/${cases.get('A-1')!.id}?list=sort%3Dnonsense`)).status, 200);
  });

  it('what is wrong is a page for a person and JSON for a program', async () => {
    const wrong = [
      ['/?sort=nonsense', 400, /That cannot be asked/],
      ['/cases/00000000-0000-0000-0000-000000000000', 404, /there is no such case/],
      ['/cases/nonsense', 404, /there is no such case/],
      ['/nowhere', 404, /there is no page/],
    ] as const;
    for (const [path, status, says] of wrong) {
      const page = await get(path);
      assert.deepEqual([page.status, page.type], [status, 'text/html; charset=utf-8'], path);
      assert.match(page.text, says);
      assert.match(page.text, /← Worklist/);
      const machine = await get(path, 'application/json');
      assert.equal(machine.status, status);
      assert.equal(typeof JSON.parse(machine.text).error, 'string');
    }
  });

  it('shows every revision’s report, each to read and to take', async () => {
    const row = cases.get('A-1')!;
    const { knex } = db.database;
    const first = await knex('report').where({ caseId: row.id }).first('*');
    const { id: _, createdAt: __, answerSha256: ___, ...copied } = first;
    const second = { ...copied, revision: 2, sopInstanceUid: `${first.sopInstanceUid}.2` };
    await knex.transaction((trx) => insertReport(trx, second));
    await knex('case').where({ id: row.id }).update({ revision: 2 });
    const { text } = await get(`/cases/${row.id}`);
    for (const revision of [1, 2]) {
      for (const file of ['report.dcm', 'report.txt'])
        assert.ok(text.includes(`/api/cases/${row.id}/${file}?revision=${revision}`), file);
      assert.equal((await get(`/api/cases/${row.id}/report.txt?revision=${revision}`)).status, 200);
    }
    assert.equal((await get(`/api/cases/${row.id}/report.dcm?revision=3`)).status, 404);
  });
});
