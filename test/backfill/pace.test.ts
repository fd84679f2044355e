import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { openBackfills } from '../../agent/backfill/runner.js';
import { newUid } from '../../agent/dicom/uid.js';
import { parseConfig } from '../../config/load.js';
import { listBackfillStudies } from '../../db/tables/backfillStudies.js';
import { askForBackfill, findBackfill } from '../../db/tables/backfills.js';
import { noteParked, tellSince } from '../../db/tables/notices.js';
import { releaseSilent } from '../../db/tables/results.js';
import { insertReportedCase, keepResult } from '../deliver/reportedCase.js';
import { makeCase } from '../support/cases.js';
import { quietLog, useDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { until } from '../support/until.js';

describe('backfill: its pace, and what it keeps here', function () {
  this.timeout(60_000);
  const db = useDatabase();
  const knex = () => db.database.knex;
  const wanted = { source: 'pacs', dateFrom: '2024-01-01', dateTo: '2024-01-01', askedBy: 'user:test' };
  let id: string;

  beforeEach(async () => {
    await knex().raw('DELETE FROM backfill_series; DELETE FROM backfill_study; DELETE FROM backfill');
    ({
      backfill: { id },
    } = await askForBackfill(knex(), wanted));
    await knex()('backfill').where({ id }).update({ state: 'reading', searchedTo: '2024-01-01' });
  });

  const insertStudy = (more: object = {}) =>
    knex()('backfillStudy').insert({
      id: randomUUID(),
      backfillId: id,
      studyInstanceUid: newUid(),
      studyDescription: '',
      patientId: 'P',
      issuerOfPatientId: '',
      ...more,
    });
  /** A loop with a source at which nobody answers. */
  const open = async (refusal: string | null = null) => {
    const source = { name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: await freePort() };
    const config = parseConfig({ query: { sources: [source], priors: { firstRetryMs: 60_000 } } });
    const working = openBackfills({ config, database: db.database, log: quietLog, refusal: () => refusal });
    working.begin();
    return working;
  };
  const waiting = () => findBackfill(knex(), id).then((row) => row!.waitingFor);
  const attempts = () => listBackfillStudies(knex(), id).then((all) => all.map((row) => row.attempts));

  it('asks for nothing while a live case is due, and says so; when it is done, it goes on', async () => {
    await insertStudy();
    const live = await makeCase(knex());
    const working = await open();
    try {
      await until(async () => (await waiting()) === 'live work: 1 cases');
      assert.deepEqual(await attempts(), [0]);
      await knex()('case').where({ id: live.id }).update({ state: 'delivered' });
      await until(async () => (await attempts())[0] === 1);
      const [row] = await listBackfillStudies(knex(), id);
      await until(async () => (await listBackfillStudies(knex(), id))[0]!.state === 'due');
      assert.equal(row!.reasonCode, null);
    } finally {
      await working.close();
    }
  });

  it('asks for nothing while images are refused', async () => {
    await insertStudy();
    const working = await open('the disk is full');
    try {
      await until(async () => (await waiting()) === 'room: images are refused (the disk is full)');
      assert.deepEqual(await attempts(), [0]);
    } finally {
      await working.close();
    }
  });

  it('has no more studies under way than is set', async () => {
    await insertStudy();
    for (let i = 0; i < 2; i++) await insertStudy({ state: 'reading', fetchedAt: new Date() });
    const working = await open();
    try {
      await until(async () => (await waiting()) === '2 of its studies that are being read');
      assert.equal((await attempts()).filter((count) => count > 0).length, 0);
    } finally {
      await working.close();
    }
  });

  it('ends when nothing of it is under way any more', async () => {
    await insertStudy({ state: 'left-out', reasonCode: 'no-mr' });
    const working = await open();
    try {
      await until(async () => (await findBackfill(knex(), id))?.state === 'done');
    } finally {
      await working.close();
    }
  });

  it('a parked case of it is told nobody, and --send-since leaves its results here', async () => {
    await tellSince(knex(), ['chat']);
    const silent = { mode: 'silent', rule: null, urgency: 'routine', sends: [], why: 'silent' } as const;
    const [kept, other] = [await insertReportedCase(db.database), await insertReportedCase(db.database)];
    for (const made of [kept, other]) await keepResult(db.database, made, silent);
    const studyId = randomUUID();
    const { mrStudyInstanceUid: studyInstanceUid, mrSeriesInstanceUid: seriesInstanceUid } = kept.row;
    await insertStudy({ id: studyId, studyInstanceUid, state: 'done' });
    const series = { studyInstanceUid, seriesInstanceUid, modality: 'MR', state: 'moved' };
    await knex()('backfillSeries').insert({ backfillStudyId: studyId, ...series });
    assert.deepEqual(await releaseSilent(knex(), new Date(0)), [other.row.id]);
    await knex()('case').update({ state: 'parked', stateSince: new Date(Date.now() + 1000) });
    await noteParked(knex(), ['chat']);
    const told = (await knex()('notice').select('caseId')).map(({ caseId }) => caseId);
    assert.deepEqual([told.includes(other.row.id), told.includes(kept.row.id)], [true, false]);
  });
});
