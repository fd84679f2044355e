import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { newUid } from '../../agent/dicom/uid.js';
import type { PatientIdentity } from '../../agent/domain/identity.js';
import { type IdentityWord, sayIdentity } from '../../agent/pair/decide.js';
import { identityDoubt } from '../../agent/pair/identity.js';
import { pairSeries } from '../../agent/pair/pairing.js';
import { listAudit } from '../../db/tables/audit.js';
import { type CaseRow, createCase, findCase } from '../../db/tables/cases.js';
import { insertNew } from '../../db/tables/instances.js';
import { insertPairing } from '../../db/tables/pairings.js';
import { ensureSeries, updateSeries } from '../../db/tables/series.js';
import { ensureStudy } from '../../db/tables/studies.js';
import { ensureIdentity } from '../../db/tables/studyIdentities.js';
import { park } from '../../db/work/steps.js';
import { useDatabase } from '../support/database.js';

const READER = {
  localiser: { name: 'localiser', version: '0', sha256: '0'.repeat(64) },
  sha256: '1'.repeat(64),
};

describe('identity: a person decides', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;

  const jane = (patientId: string, over: Partial<PatientIdentity> = {}): PatientIdentity => ({
    patientId,
    issuerOfPatientId: '',
    patientName: 'DOE^JANE',
    patientBirthDate: '1960-01-01',
    patientSex: 'F',
    ...over,
  });

  /** A study with one series, an image for each way to name its patient. */
  async function study(role: 'mr' | 'ct', identities: readonly PatientIdentity[]) {
    const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
    await ensureStudy(knex(), { studyInstanceUid, ...identities[0]! });
    const modality = role.toUpperCase();
    await ensureSeries(knex(), {
      studyInstanceUid,
      seriesInstanceUid,
      modality,
      acquisitionDate: '2024-01-10',
    });
    await updateSeries(knex(), seriesInstanceUid, { role });
    await name(studyInstanceUid, seriesInstanceUid, identities);
    return { studyInstanceUid, seriesInstanceUid };
  }

  async function name(
    studyInstanceUid: string,
    seriesInstanceUid: string,
    identities: readonly PatientIdentity[],
  ): Promise<void> {
    for (const identity of identities) {
      const { id: identityId } = await ensureIdentity(knex(), studyInstanceUid, identity);
      const image = {
        sopInstanceUid: newUid(),
        seriesInstanceUid,
        sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
        transferSyntaxUid: '1.2.840.10008.1.2.1',
        instanceNumber: 1,
        slicePositionMm: 0,
        spoolPath: randomUUID(),
        sizeBytes: 1,
        datasetSha256: randomUUID(),
        callingAe: 'MR1',
        associationId: null,
        receivedAt: new Date(),
        identityId,
      };
      await insertNew(knex(), [image]);
    }
  }

  async function caseOf({
    studyInstanceUid,
    seriesInstanceUid,
  }: Awaited<ReturnType<typeof study>>): Promise<CaseRow> {
    const uids = { mrStudyInstanceUid: studyInstanceUid, mrSeriesInstanceUid: seriesInstanceUid };
    return knex().transaction(async (trx) => (await createCase(trx, uids)).case);
  }

  /** Held by the doubt there is. */
  async function hold(row: CaseRow): Promise<void> {
    const doubt = (await identityDoubt(knex(), row.mrStudyInstanceUid))!;
    await knex().transaction((trx) => park(trx, row, doubt.error));
  }

  const pairingOf = async (row: CaseRow) => {
    const { decision } = await pairSeries(knex(), row.mrSeriesInstanceUid, {
      reader: READER,
      windowDays: 28,
    });
    return decision;
  };
  const remember = async (row: CaseRow) => {
    const decision = await pairingOf(row);
    assert.ok(!decision.wait);
    const { outcome, ctSeriesInstanceUid, ctAcquisitionDate, intervalDays, candidates } = decision;
    const found = { outcome, ctSeriesInstanceUid, ctAcquisitionDate, intervalDays, candidates };
    await insertPairing(knex(), {
      caseId: row.id,
      revision: row.revision,
      mrAcquisitionDate: '2024-01-10',
      ctReadingId: null,
      ...found,
    });
  };
  const say = (row: CaseRow, word: IdentityWord) =>
    knex().transaction((trx) =>
      sayIdentity(trx, { caseId: row.id, word, reason: 'seen in the RIS', actor: 'user:anna' }),
    );
  const now = async ({ id }: CaseRow) => (await findCase(knex(), id))!;
  const decided = async ({ id }: CaseRow) =>
    (await listAudit(knex(), 'case', id)).find(({ event }) => event === 'IDENTITY_DECIDED');

  it('a study that names two patients is held; "the same patient" lets it go on, and says who decided', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id), jane(id, { patientName: 'SMITH^JANE' })]);
    const row = await caseOf(mr);
    await hold(row);
    const next = await say(row, 'same-patient');
    assert.equal(next.state, 'received');
    assert.equal(await identityDoubt(knex(), mr.studyInstanceUid), null);
    const event = (await decided(row))!;
    assert.deepEqual(
      [event.actor, event.detail.word, event.detail.reason],
      ['user:anna', 'same-patient', 'seen in the RIS'],
    );
    assert.doesNotMatch(JSON.stringify(event.detail), /SMITH|DOE/);
  });

  it('a third name after that is a new doubt', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id), jane(id, { patientName: 'SMITH^JANE' })]);
    const row = await caseOf(mr);
    await hold(row);
    await say(row, 'same-patient');
    await name(mr.studyInstanceUid, mr.seriesInstanceUid, [jane(id, { patientName: 'BROWN^ROSE' })]);
    assert.equal((await identityDoubt(knex(), mr.studyInstanceUid))?.error.code, 'IDENTITY_DIFFERS');
  });

  it('"not the patient" of a study that contradicts itself keeps it held', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id), jane(id, { patientSex: 'M' })]);
    const row = await caseOf(mr);
    await hold(row);
    assert.equal((await say(row, 'not-the-patient')).state, 'parked');
    assert.ok(await identityDoubt(knex(), mr.studyInstanceUid));
    assert.ok(await decided(row));
  });

  it('a held case that is released goes on as it stands', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id), jane(`${id}-merged`)]);
    const row = await caseOf(mr);
    await assert.rejects(say(row, 'release'), { code: 'CASE_NOT_PARKED' });
    await hold(row);
    assert.equal((await say(row, 'release')).state, 'received');
    assert.equal(await identityDoubt(knex(), mr.studyInstanceUid), null);
  });

  it('a CT held back for its name: the same patient after all, and the case is paired anew', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id)]);
    const ct = await study('ct', [jane(id, { patientName: 'SMITH^JANE' })]);
    const row = await caseOf(mr);
    await remember(row);
    await knex()('case').where({ id: row.id }).update({ state: 'delivered' });
    const before = await pairingOf(row);
    assert.ok(!before.wait && before.outcome === 'identity-differs');
    assert.deepEqual(before.candidates[0]!.identity!.differs, ['name']);
    const next = await say(row, 'same-patient');
    assert.deepEqual([next.state, next.revision], ['received', 2]);
    const after = await pairingOf(row);
    assert.ok(after.wait && after.forSeriesInstanceUid === ct.seriesInstanceUid, 'it is to be read now');
  });

  it('a CT that headers call the same and a person does not is no CT of this MR', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id)]);
    const ct = await study('ct', [jane(id)]);
    const row = await caseOf(mr);
    await insertPairing(knex(), {
      caseId: row.id,
      revision: 1,
      ctSeriesInstanceUid: ct.seriesInstanceUid,
      ctReadingId: null,
      mrAcquisitionDate: '2024-01-10',
      ctAcquisitionDate: '2024-01-10',
      intervalDays: 0,
      outcome: 'paired',
      candidates: [
        {
          ctSeriesInstanceUid: ct.seriesInstanceUid,
          verdict: 'chosen',
          ctAcquisitionDate: '2024-01-10',
          intervalDays: 0,
        },
      ],
    });
    await say(row, 'not-the-patient');
    const decision = await pairingOf(await now(row));
    assert.ok(!decision.wait && decision.outcome === 'identity-differs');
    assert.equal(decision.candidates[0]!.identity!.decided, 'different');
    await remember({ ...row, revision: 2 });
    await knex()('case').where({ id: row.id }).update({ revision: 2 });
    await say(row, 'same-patient');
    assert.ok((await pairingOf(row)).wait, 'and the last word counts');
  });

  it('names written differently pair, and the pairing says how', async () => {
    const id = randomUUID();
    const mr = await study('mr', [jane(id, { patientName: 'JAEGER^ROSE^ANNE' })]);
    await study('ct', [jane(id, { patientName: 'JÄGER^ROSE' })]);
    const row = await caseOf(mr);
    await knex()('series').where({ role: 'ct' }).update({ state: 'complete' });
    const decision = await pairingOf(row);
    assert.ok(decision.wait, 'nothing speaks against it: it is only to be read yet');
  });

  it('nothing in doubt is nothing to decide', async () => {
    const row = await caseOf(await study('mr', [jane(randomUUID())]));
    await assert.rejects(say(row, 'same-patient'), { code: 'NOTHING_IN_DOUBT' });
    await assert.rejects(say(row, 'not-the-patient'), { code: 'NOTHING_IN_DOUBT' });
  });
});
