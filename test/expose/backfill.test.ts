import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { newUid } from '../../agent/dicom/uid.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import { checkBackfills } from '../../cli/doctor/backfills.js';
import { askForBackfill, stopBackfill } from '../../db/tables/backfills.js';
import { page, token } from '../access/rig.js';
import { Visitor } from '../access/visitor.js';
import { useDatabase } from '../support/database.js';

describe('page and doctor: backfills', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let http: RunningHttp;
  let admin: Visitor;
  let id: string;
  const STUDIES = [
    ['done', null, null],
    ['done', null, null],
    ['due', null, null],
    ['left-out', 'other-part', 'its series name <another> part: KNEE'],
    ['failed', 'not-sent', 'the source did not send it'],
  ] as const;

  before(async () => {
    const { knex } = db.database;
    const asked = { source: 'pacs', dateFrom: '2025-01-01', dateTo: '2025-06-30', askedBy: 'os:ada' };
    ({
      backfill: { id },
    } = await knex.transaction((trx) => askForBackfill(trx, asked)));
    await knex('backfillStudy').insert(
      STUDIES.map(([state, reasonCode, reason]) => ({
        id: randomUUID(),
        backfillId: id,
        studyInstanceUid: newUid(),
        studyDate: '2025-02-03',
        studyDescription: '',
        patientId: 'SECRET-7',
        issuerOfPatientId: '',
        state,
        reasonCode,
        reason,
      })),
    );
    await knex('backfill')
      .where({ id })
      .update({ waitingFor: 'live work: 3 cases', searchedTo: '2025-03-01' });
    http = await page(db);
    admin = await asker('administrator');
  });
  after(() => http?.close());

  const asker = async (role: 'administrator' | 'viewer') =>
    new Visitor(`http://127.0.0.1:${http.port}`, {
      authorization: `Bearer ${await token(db.database, `t-${role}`, role)}`,
    });

  it('lists progress and what one waits for, and says that no agent lives', async () => {
    const { text } = await admin.get('/backfill');
    assert.match(text, /pacs<\/td><td>2025-01-01 to 2025-06-30/);
    assert.match(text, /live work: 3 cases/);
    assert.match(text, /No agent lives/);
    const one = (await admin.get(`/backfill/${id}`)).text;
    assert.match(one, /4 of 5 studies found are done with <progress max="5" value="4">/);
    assert.match(one, /its series name &lt;another&gt; part: KNEE/);
    assert.match(one, /1: the source did not send it/);
    assert.match(one, /nothing of it is sent/);
    assert.doesNotMatch(one, /SECRET-7/);
  });

  it('serves the acceptance report as one page with a policy of its own', async () => {
    const { status, text, headers } = await admin.get(`/backfill/${id}/acceptance`);
    assert.equal(status, 200);
    assert.match(text, /<h1>Acceptance report/);
    assert.match(headers.get('content-security-policy')!, /default-src 'none'; style-src 'unsafe-inline'/);
    const looks = await db.database.knex('auditEvent').where({ subjectId: 'acceptance report' });
    assert.deepEqual(
      looks.map(({ actor }) => actor),
      ['token:t-administrator'],
    );
  });

  it('is for administrators, and knows no other backfill', async () => {
    const viewer = await asker('viewer');
    assert.equal((await viewer.get('/backfill')).status, 403);
    assert.equal((await viewer.get(`/backfill/${id}/acceptance`)).status, 403);
    assert.doesNotMatch((await viewer.get('/')).text, /href="\/backfill"/);
    assert.match((await admin.get('/')).text, /href="\/backfill"/);
    for (const other of [randomUUID(), 'x', '..'])
      assert.equal((await admin.get(`/backfill/${other}/acceptance`)).status, 404);
  });

  it('doctor says how far it is, and that it was stopped', async () => {
    const [running] = await checkBackfills(db.database.knex);
    assert.equal(running!.verdict, 'warning');
    assert.match(running!.detail, /4 of 5 studies done with; no agent lives/);
    await db.database.knex.transaction((trx) => stopBackfill(trx, id));
    const [stopped] = await checkBackfills(db.database.knex);
    assert.deepEqual([stopped!.verdict, /^stopped; /.test(stopped!.detail)], ['ok', true]);
  });
});
