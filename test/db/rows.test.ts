import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { newUid } from '../../agent/dicom/uid.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { LEVELS } from '../../agent/domain/levels.js';
import * as associations from '../../db/tables/associations.js';
import * as deliveries from '../../db/tables/deliveries.js';
import * as instances from '../../db/tables/instances.js';
import * as localisations from '../../db/tables/localisations.js';
import * as measurements from '../../db/tables/measurements.js';
import * as pairings from '../../db/tables/pairings.js';
import * as regions from '../../db/tables/regions.js';
import * as reports from '../../db/tables/reports.js';
import * as series from '../../db/tables/series.js';
import * as studies from '../../db/tables/studies.js';
import { makeCase, makeSeries } from '../support/cases.js';
import { useDatabase } from '../support/database.js';

const BYTES = Uint8Array.from([0, 255, 137, 80]);
const PLACE = {
  centrePatientMm: [-1.5, 20, 300.25],
  centrePixel: [120.5, 99],
  roiPixel: [100, 80, 141, 118],
  confidence: 0.75,
} as const;

describe('tables', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;

  describe('study and series', () => {
    it('the first image says who a study is about; a later one does not change it', async () => {
      const studyInstanceUid = newUid();
      const first = await studies.ensureStudy(knex(), {
        studyInstanceUid,
        patientId: 'A',
        studyDate: '20240229',
      });
      const again = await studies.ensureStudy(knex(), { studyInstanceUid, patientId: 'B' });
      assert.deepEqual([first.created, again.created], [true, false]);
      assert.deepEqual(
        [again.study.patientId, again.study.studyDate, again.study.accessionNumber],
        ['A', '2024-02-29', ''],
      );
    });

    it('twenty images of a new series at once make one study and one series', async () => {
      const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
      const made = await Promise.all(
        Array.from({ length: 20 }, () =>
          knex().transaction(async (trx) => {
            await studies.ensureStudy(trx, { studyInstanceUid });
            return series.ensureSeries(trx, { seriesInstanceUid, studyInstanceUid, modality: 'MR' });
          }),
        ),
      );
      assert.equal(made.filter(({ created }) => created).length, 1);
    });

    it('a series is completed once, reopened once, and counts that', async () => {
      const { seriesInstanceUid } = await makeSeries(knex());
      const completed = await series.completeSeries(knex(), seriesInstanceUid, 'counted');
      assert.deepEqual([completed?.state, completed?.completeReason], ['complete', 'counted']);
      assert.equal(await series.completeSeries(knex(), seriesInstanceUid, 'quiet'), null);
      const reopened = await series.reopenSeries(knex(), seriesInstanceUid);
      assert.deepEqual(
        [reopened?.state, reopened?.completeReason, reopened?.reopened],
        ['receiving', null, 1],
      );
      assert.equal(await series.reopenSeries(knex(), seriesInstanceUid), null);
    });

    it('images out of order never move the last arrival back', async () => {
      const { seriesInstanceUid } = await makeSeries(knex());
      const late = new Date(Date.now() + 60_000);
      await series.touchSeries(knex(), seriesInstanceUid, late);
      await series.touchSeries(knex(), seriesInstanceUid, new Date(0));
      assert.equal(
        (await series.findSeries(knex(), seriesInstanceUid))!.lastReceivedAt.getTime(),
        late.getTime(),
      );
    });

    it('a patient is an id and its issuer', async () => {
      const uids = await Promise.all(
        ['HOSPITAL A', 'HOSPITAL B'].map(async (issuerOfPatientId) => {
          const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
          await studies.ensureStudy(knex(), { studyInstanceUid, patientId: 'same', issuerOfPatientId });
          await series.ensureSeries(knex(), { seriesInstanceUid, studyInstanceUid, modality: 'CT' });
          await series.updateSeries(knex(), seriesInstanceUid, { role: 'ct', roleReason: 'a rule' });
          return seriesInstanceUid;
        }),
      );
      const patient = { patientId: 'same', issuerOfPatientId: 'HOSPITAL B' };
      const found = await series.listSeriesOfPatient(knex(), patient, 'ct');
      assert.deepEqual(
        found.map((row) => row.seriesInstanceUid),
        [uids[1]],
      );
      assert.equal((await studies.listStudiesOfPatient(knex(), patient)).length, 1);
    });
  });

  describe('instance', () => {
    const instanceOf = (seriesInstanceUid: string, changes: Partial<instances.NewInstance> = {}) => ({
      sopInstanceUid: newUid(),
      seriesInstanceUid,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      instanceNumber: 1,
      slicePositionMm: null,
      spoolPath: `spool/${randomUUID()}.dcm`,
      sizeBytes: 3_000_000_000,
      datasetSha256: 'a'.repeat(64),
      callingAe: 'CT1',
      associationId: null,
      receivedAt: new Date(),
      ...changes,
    });

    it('sent again is a duplicate, read from the spool again is no visit, other content is a conflict', async () => {
      const { seriesInstanceUid } = await makeSeries(knex());
      const first = instanceOf(seriesInstanceUid);
      const later = new Date(first.receivedAt.getTime() + 1);
      assert.equal((await instances.putInstance(knex(), first)).outcome, 'inserted');
      assert.equal((await instances.putInstance(knex(), first)).outcome, 'duplicate');
      assert.equal((await instances.findInstance(knex(), first.sopInstanceUid))!.duplicates, 0);
      assert.equal(
        (await instances.putInstance(knex(), { ...first, receivedAt: later })).outcome,
        'duplicate',
      );
      const other = { ...first, receivedAt: later, datasetSha256: 'b'.repeat(64) };
      assert.equal((await instances.putInstance(knex(), other)).outcome, 'conflict');
      const kept = (await instances.findInstance(knex(), first.sopInstanceUid))!;
      assert.deepEqual(
        [kept.duplicates, kept.datasetSha256, kept.spoolPath, kept.sizeBytes],
        [2, first.datasetSha256, first.spoolPath, 3_000_000_000],
      );
    });

    it('come in the order of the stack, those without a place last, by number', async () => {
      const { seriesInstanceUid } = await makeSeries(knex());
      const order = [
        { slicePositionMm: -12.5, instanceNumber: 9 },
        { slicePositionMm: 4, instanceNumber: 8 },
        { slicePositionMm: null, instanceNumber: 1 },
        { slicePositionMm: null, instanceNumber: 2 },
      ];
      for (const place of order.toReversed())
        await instances.putInstance(knex(), instanceOf(seriesInstanceUid, place));
      const found = await instances.listInstances(knex(), seriesInstanceUid);
      assert.deepEqual(
        found.map(({ slicePositionMm, instanceNumber }) => ({ slicePositionMm, instanceNumber })),
        order,
      );
      assert.equal(await instances.countInstances(knex(), seriesInstanceUid), 4);
    });

    it('the spool files that the index knows are told from those it does not', async () => {
      const { seriesInstanceUid } = await makeSeries(knex());
      const known = instanceOf(seriesInstanceUid);
      await instances.putInstance(knex(), known);
      assert.deepEqual(
        [...(await instances.knownSpoolPaths(knex(), [known.spoolPath, 'spool/new.dcm']))],
        [known.spoolPath],
      );
      assert.equal((await instances.knownSpoolPaths(knex(), [])).size, 0);
    });
  });

  describe('association', () => {
    const opened = () => ({
      id: randomUUID(),
      callingAe: 'CT1',
      calledAe: 'CALCIDISC',
      remoteAddress: '127.0.0.1',
      openedAt: new Date(),
    });

    it('is written once, and its first end stands', async () => {
      const association = opened();
      assert.equal(await associations.insertAssociation(knex(), association), true);
      assert.equal(await associations.insertAssociation(knex(), association), false);
      assert.equal(await associations.endAssociation(knex(), association.id, { how: 'released' }), true);
      assert.equal(await associations.endAssociation(knex(), association.id, { how: 'aborted' }), false);
      assert.equal((await associations.findAssociation(knex(), association.id))!.endedHow, 'released');
    });

    it('is lost with its process, and only then', async () => {
      const [ours, theirs] = [opened(), opened()];
      for (const association of [ours, theirs]) await associations.insertAssociation(knex(), association);
      await knex()('association').where({ id: theirs.id }).update({ owner: 7 });
      assert.deepEqual(await associations.loseDeadAssociations(knex()), [theirs.id]);
      assert.equal((await associations.findAssociation(knex(), ours.id))!.endedAt, null);
      assert.equal((await associations.findAssociation(knex(), theirs.id))!.endedHow, 'lost');
    });
  });

  describe("a revision's results", () => {
    it('a pairing stands once written', async () => {
      const { id: caseId } = await makeCase(knex());
      const pairing = {
        caseId,
        revision: 1,
        ctSeriesInstanceUid: null,
        ctReadingId: null,
        mrAcquisitionDate: '2024-03-01',
        ctAcquisitionDate: null,
        intervalDays: null,
        outcome: 'outside-window',
        candidates: [
          {
            ctSeriesInstanceUid: '1.2.3',
            ctAcquisitionDate: '2024-06-01',
            intervalDays: 92,
            verdict: 'outside-window' as const,
          },
        ],
      };
      assert.equal(await pairings.insertPairing(knex(), pairing), true);
      assert.equal(await pairings.insertPairing(knex(), { ...pairing, outcome: 'no-ct' }), false);
      const { createdAt, ...found } = (await pairings.findPairing(knex(), caseId, 1))!;
      assert.deepEqual(found, pairing);
    });

    it('a localisation keeps its picture byte for byte, for MR and CT apart', async () => {
      const { id: caseId, mrSeriesInstanceUid } = await makeCase(knex());
      const localisation = {
        caseId,
        revision: 1,
        modality: 'MR' as const,
        seriesInstanceUid: mrSeriesInstanceUid,
        status: 'uncertain' as const,
        reasons: ['no sacrum', 'six vertebrae'],
        sliceSopInstanceUid: '1.2.3',
        sliceIndex: 7,
        sliceCount: 15,
        slicePng: BYTES,
        pixelSpacingMm: [0.9375, 0.9375] as const,
        pictureFigures: { grey: 91.5, noise: 0.04, sharpness: 0.07 },
        sliceGrey: { slope: 2, intercept: -3, low: 10, high: 900.5, isInverted: false },
        localiserName: 'localiser',
        localiserVersion: '1',
        localiserSha256: 'c'.repeat(64),
        milliseconds: 12.5,
      };
      assert.equal(await localisations.insertLocalisation(knex(), localisation), true);
      assert.equal(await localisations.insertLocalisation(knex(), localisation), false);
      const ct = {
        ...localisation,
        modality: 'CT' as const,
        slicePng: null,
        pixelSpacingMm: null,
        status: 'not-found' as const,
      };
      assert.equal(await localisations.insertLocalisation(knex(), ct), true);
      const { createdAt, slicePng, ...found } = (await localisations.findLocalisation(
        knex(),
        caseId,
        1,
        'MR',
      ))!;
      const { slicePng: _, ...expected } = localisation;
      assert.deepEqual(found, expected);
      assert.deepEqual(new Uint8Array(slicePng!), BYTES);
      assert.equal((await localisations.findLocalisation(knex(), caseId, 1, 'CT'))!.pixelSpacingMm, null);
    });

    it('regions come from above down, and a second write changes none', async () => {
      const { id: caseId } = await makeCase(knex());
      const all = LEVELS.toReversed().map((level) => ({
        caseId,
        revision: 1,
        level,
        sopInstanceUid: '1.2.3',
        ...PLACE,
        marginMm: 10,
        png: BYTES,
        pngSha256: 'd'.repeat(64),
      }));
      assert.equal(await regions.insertRegions(knex(), all), 5);
      assert.equal(await regions.insertRegions(knex(), all), 0);
      assert.equal(await regions.insertRegions(knex(), []), 0);
      const found = await regions.listRegions(knex(), caseId, 1);
      assert.deepEqual(
        found.map(({ level }) => level),
        LEVELS,
      );
      const { centrePatientMm, centrePixel, roiPixel, confidence } = found[0]!;
      assert.deepEqual({ centrePatientMm, centrePixel, roiPixel, confidence }, PLACE);
      assert.deepEqual(new Uint8Array(found[0]!.png!), BYTES);
      assert.equal((await regions.findRegion(knex(), caseId, 1, 'L5-S1'))!.id, found[4]!.id);
    });

    it('CT measurements come from above down, and a second write changes none', async () => {
      const { id: caseId } = await makeCase(knex());
      const all = (['L5-S1', 'L1-L2'] as const).map((level) => ({
        caseId,
        revision: 1,
        level,
        label: 'indeterminate' as const,
        meanHu: null,
        maxHu: 383.7,
        areaMm2: 0,
        huLow: 120.1,
        huHigh: 383.7,
        ...PLACE,
      }));
      assert.equal(await measurements.insertMeasurements(knex(), all), 2);
      assert.equal(await measurements.insertMeasurements(knex(), all), 0);
      const found = await measurements.listMeasurements(knex(), caseId, 1);
      assert.deepEqual(
        found.map(({ createdAt, ...row }) => row),
        all.toReversed(),
      );
    });
  });

  describe('report and delivery', () => {
    const reportOf = (caseId: string, revision: number) => ({
      caseId,
      revision,
      sopInstanceUid: newUid(),
      seriesInstanceUid: newUid(),
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
      predecessorSopInstanceUid: null,
      file: BYTES,
      fileSha256: 'e'.repeat(64),
    });

    it('a revision has one report: a retry gets the same bytes', async () => {
      const { id } = await makeCase(knex());
      const first = await reports.insertReport(knex(), reportOf(id, 1));
      const again = await reports.insertReport(knex(), reportOf(id, 1));
      assert.deepEqual([first.created, again.created], [true, false]);
      assert.equal(again.report.sopInstanceUid, first.report.sopInstanceUid);
      assert.deepEqual(new Uint8Array(again.report.file!), BYTES);
    });

    it('the report to amend is the latest of an earlier revision that a destination has', async () => {
      const { id } = await makeCase(knex());
      await reports.insertReport(knex(), reportOf(id, 1));
      const second = await reports.insertReport(knex(), reportOf(id, 2));
      const third = await reports.insertReport(knex(), reportOf(id, 3));
      assert.equal(await reports.findPredecessor(knex(), id, 4), null, 'nobody has any of them');
      for (const { report } of [second, third])
        await deliveries.ensureDeliveries(knex(), report.id, ['PACS']);
      const [delivery] = await deliveries.listDeliveries(knex(), second.report.id);
      await deliveries.markStored(knex(), delivery!.id, '0000');
      assert.equal(await reports.findPredecessor(knex(), id, 2), null);
      assert.equal((await reports.findPredecessor(knex(), id, 5))!.id, second.report.id);
      assert.deepEqual(
        (await reports.listReports(knex(), id)).map(({ revision }) => revision),
        [3, 2, 1],
      );
    });

    it('a delivery is made once for each destination, and goes to stored or parked but never back', async () => {
      const { id } = await makeCase(knex());
      const { report } = await reports.insertReport(knex(), reportOf(id, 1));
      await deliveries.ensureDeliveries(knex(), report.id, ['PACS']);
      const [archive, pacs] = await deliveries.ensureDeliveries(knex(), report.id, ['PACS', 'ARCHIVE']);
      assert.deepEqual([archive!.destination, pacs!.destination], ['ARCHIVE', 'PACS']);
      assert.equal((await deliveries.startDelivery(knex(), pacs!.id))!.attempts, 1);
      const busy = new CalcidiscError('DESTINATION_BUSY', 'out of resources');
      assert.ok(
        await deliveries.markFailed(knex(), pacs!.id, { error: busy, status: 'A700', delayMs: 5_000 }),
      );
      const waiting = (await deliveries.listDeliveries(knex(), report.id))[1]!;
      assert.deepEqual(
        [waiting.state, waiting.lastStatus, waiting.lastErrorCode],
        ['pending', 'A700', 'DESTINATION_BUSY'],
      );
      assert.ok(waiting.nextAttemptAt.getTime() > pacs!.nextAttemptAt.getTime());
      assert.ok(await deliveries.markStored(knex(), pacs!.id, '0000'));
      assert.equal(
        await deliveries.markFailed(knex(), pacs!.id, { error: busy, status: null, delayMs: null }),
        false,
      );
      assert.equal(await deliveries.startDelivery(knex(), pacs!.id), null);

      assert.ok(
        await deliveries.markFailed(knex(), archive!.id, { error: busy, status: null, delayMs: null }),
      );
      assert.equal(await deliveries.markStored(knex(), archive!.id, '0000'), false);
      assert.ok(await deliveries.unparkDelivery(knex(), archive!.id));
      const [again] = await deliveries.listDeliveries(knex(), report.id);
      assert.deepEqual([again!.state, again!.attempts], ['pending', 0]);
    });
  });
});
