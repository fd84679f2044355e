import assert from 'node:assert/strict';
import { newUid } from '../../agent/dicom/uid.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { LocateResult } from '../../agent/locate/types.js';
import { seriesComplete, seriesRead } from '../../agent/pair/reconsider.js';
import { sayLevels } from '../../agent/read/decideLevels.js';
import { locateStep } from '../../agent/steps/locate.js';
import { pairStep } from '../../agent/steps/pair.js';
import type { StepContext } from '../../agent/steps/types.js';
import { listAudit } from '../../db/tables/audit.js';
import {
  type CaseRow,
  findCase,
  findCaseOfStudy,
  lockCase,
  moveCase,
  unparkCase,
} from '../../db/tables/cases.js';
import { findChoice } from '../../db/tables/choices.js';
import { putInstance } from '../../db/tables/instances.js';
import { findLocalisation } from '../../db/tables/localisations.js';
import { findPairing } from '../../db/tables/pairings.js';
import { listReadings } from '../../db/tables/readings.js';
import { listRegions } from '../../db/tables/regions.js';
import { completeSeries, ensureSeries, findSeries, reopenSeries } from '../../db/tables/series.js';
import { ensureStudy } from '../../db/tables/studies.js';
import type { StepEnd } from '../../db/work/runStep.js';
import { quietLog, useDatabase } from '../support/database.js';
import { ownFiles } from '../support/files.js';
import { located, putFailedReading, putReading, testReader } from '../support/readings.js';

const discs = LEVELS.map((level, i) => ({
  level,
  centrePatientMm: [2, 30, -35 * i] as const,
  centrePixel: [100, 50 * i] as const,
  roiPixel: [80, 50 * i, 120, 50 * i + 30] as const,
  confidence: 0.99,
}));
const FOUND: Partial<LocateResult> = {
  status: 'located',
  discs,
  slice: { sopInstanceUid: '1.2.3.4', index: 7, count: 15 },
};

describe('a case and the series of its study', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;
  let quietForMs = 60_000;
  let asked = 0;
  let isWhole = false;

  const context = (): StepContext => ({
    config: db.config,
    database: db.database,
    files: ownFiles(db.config, db.database),
    reader: testReader,
    isStudyWhole: async () => isWhole,
    wakeReadings: () => {
      asked += 1;
    },
    indexedUntilMs: () => Date.now() + quietForMs,
    log: quietLog,
    signal: new AbortController().signal,
  });
  beforeEach(() => {
    quietForMs = 60_000;
    asked = 0;
    isWhole = false;
  });

  const reconsidering = { reader: testReader, windowDays: 28 };

  async function makeStudy(patientId: string = newUid()): Promise<{ studyInstanceUid: string }> {
    const studyInstanceUid = newUid();
    await ensureStudy(knex(), { studyInstanceUid, patientId, studyDate: '2024-01-10' });
    return { studyInstanceUid };
  }

  /** A series that is arriving, with its one image. */
  async function arriving(
    { studyInstanceUid }: { studyInstanceUid: string },
    seriesNumber: number,
    over: { role?: 'mr' | 'ct' | 'check'; region?: string; weighting?: string; description?: string } = {},
  ): Promise<string> {
    const seriesInstanceUid = newUid();
    const { role = 'mr', region = 'LUMBAR', weighting = 'T2', description = 'T2 TSE SAG' } = over;
    await ensureSeries(knex(), {
      seriesInstanceUid,
      studyInstanceUid,
      modality: role === 'ct' ? 'CT' : 'MR',
      seriesNumber,
      seriesDescription: description,
      acquisitionDate: '2024-01-10',
      frameOfReferenceUid: '1.9',
      attributes: {
        region,
        weighting,
        SeriesDescription: description,
        fatSuppressed: description.includes('FS'),
      },
    });
    await knex()('series').where({ seriesInstanceUid }).update({ role });
    await addImage(seriesInstanceUid);
    return seriesInstanceUid;
  }

  async function addImage(seriesInstanceUid: string): Promise<void> {
    const sopInstanceUid = newUid();
    await putInstance(knex(), {
      sopInstanceUid,
      seriesInstanceUid,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      instanceNumber: 1,
      slicePositionMm: 0,
      spoolPath: `spool/store/${sopInstanceUid}.dcm`,
      sizeBytes: 1,
      datasetSha256: sopInstanceUid,
      callingAe: 'MR1',
      associationId: null,
      receivedAt: new Date(),
    });
  }

  async function complete(seriesInstanceUid: string): Promise<readonly CaseRow[]> {
    return knex().transaction(async (trx) => {
      await completeSeries(trx, seriesInstanceUid, 'counted');
      return seriesComplete(trx, (await findSeries(trx, seriesInstanceUid))!, reconsidering);
    });
  }

  async function read(
    seriesInstanceUid: string,
    found: Partial<LocateResult> = FOUND,
    modality: 'MR' | 'CT' = 'MR',
  ) {
    await putReading(knex(), seriesInstanceUid, located(seriesInstanceUid, modality, found));
    return knex().transaction((trx) => seriesRead(trx, { seriesInstanceUid, modality }, reconsidering));
  }

  const caseOf = async ({ studyInstanceUid }: { studyInstanceUid: string }) =>
    (await findCaseOfStudy(knex(), studyInstanceUid))!;

  async function walk(row: CaseRow, step: typeof pairStep): Promise<StepEnd> {
    const current = (await findCase(knex(), row.id))!;
    const end = await step(context(), current);
    if ('to' in end)
      await knex().transaction(async (trx) => {
        await end.save?.(trx);
        const { id, revision, state: from } = current;
        await moveCase(trx, { id, revision, from, to: end.to });
      });
    return end;
  }

  const put = (row: CaseRow, state: CaseRow['state']) =>
    knex()('case').where({ id: row.id }).update({ state });

  it('a second series joins the case that has not been answered, and begins the next revision of one that has', async () => {
    const study = await makeStudy();
    const [first, second, third] = [
      await arriving(study, 3),
      await arriving(study, 4),
      await arriving(study, 5),
    ];
    await complete(first);
    await complete(second);
    const row = await caseOf(study);
    assert.deepEqual([row.state, row.revision], ['received', 1]);
    await put(row, 'delivered');
    await complete(third);
    const { revision, revisionReason } = await caseOf(study);
    assert.equal(revision, 2);
    assert.match(revisionReason, /another series of the MR/);
  });

  it('what is arriving or being read is waited for, by name', async () => {
    const study = await makeStudy();
    const [first, second] = [await arriving(study, 3), await arriving(study, 4)];
    await complete(first);
    const waitingFor = async () => {
      const end = await walk(await caseOf(study), pairStep);
      return 'waitingFor' in end ? end.waitingFor : end;
    };
    assert.equal(
      await waitingFor(),
      'series 3 "T2 TSE SAG" is being read; series 4 "T2 TSE SAG" is still arriving',
    );
    await read(first);
    await complete(second);
    assert.equal(await waitingFor(), 'series 4 "T2 TSE SAG" is being read');
    const woken = await read(second);
    assert.deepEqual(
      woken.map(({ id }) => id),
      [(await caseOf(study)).id],
      'the end of the reading wakes the case',
    );
    assert.deepEqual(
      await walk(await caseOf(study), pairStep).then((end) => 'to' in end && end.to),
      'paired',
    );
  });

  it('the series read is kept with the reasons against the others, and its discs become the revision its own', async () => {
    const study = await makeStudy();
    const [moved, fs, repeat] = [
      await arriving(study, 3),
      await arriving(study, 5, { description: 'T2 TSE FS SAG' }),
      await arriving(study, 4, { description: 'T2 TSE SAG REPEAT' }),
    ];
    const motion = ['outside the study: ghosts of motion in the air behind the back'];
    for (const uid of [moved, fs, repeat]) await complete(uid);
    await read(moved, { ...FOUND, reasons: motion });
    await read(fs);
    await read(repeat);
    const row = await caseOf(study);
    await walk(row, pairStep);
    const choice = (await findChoice(knex(), row.id, 1))!;
    assert.equal(choice.seriesInstanceUid, repeat);
    assert.deepEqual(
      choice.candidates.map(({ seriesNumber, why }) => [seriesNumber, why]),
      [
        [4, ''],
        [3, motion[0]],
        [5, 'fat-suppressed T2 comes after T2'],
      ],
    );
    assert.equal((await caseOf(study)).mrSeriesInstanceUid, repeat);
    await walk(row, locateStep);
    const localisation = await findLocalisation(knex(), row.id, 1, 'MR');
    assert.deepEqual([localisation?.seriesInstanceUid, localisation?.status], [repeat, 'located']);
  });

  it('levels that a person names are facts from the next revision on, by whom and why, and can be named again', async () => {
    const study = await makeStudy();
    const uid = await arriving(study, 3);
    await complete(uid);
    const drawnDiscs = discs.slice(1);
    const png = { png: new Uint8Array([1]), sha256: '00' };
    await putReading(knex(), uid, {
      ...located(uid, 'MR', { ...FOUND, status: 'uncertain', reasons: ['six discs fit'], discs: drawnDiscs }),
      regions: drawnDiscs.map(({ level }) => ({ level, ...png })),
    });
    const localised = async () => {
      await walk(await caseOf(study), pairStep);
      await walk(await caseOf(study), locateStep);
      const { id, revision } = await caseOf(study);
      const levels = (await listRegions(knex(), id, revision)).map(({ level }) => level);
      return { ...(await findLocalisation(knex(), id, revision, 'MR'))!, levels };
    };
    const say = async (drawn: Level, level: Level) =>
      knex().transaction(async (trx) =>
        sayLevels(trx, {
          caseId: (await caseOf(study)).id,
          drawn,
          level,
          reason: 'L5 has ribs',
          actor: 'user:anna',
        }),
      );
    assert.deepEqual(await localised().then(({ status, levels }) => [status, levels]), [
      'uncertain',
      LEVELS.slice(1),
    ]);
    await assert.rejects(
      say('L1-L2', 'L2-L3'),
      /no disc is drawn as L1-L2; there is L2-L3, L3-L4, L4-L5, L5-S1/,
    );

    assert.equal((await say('L5-S1', 'L4-L5')).revision, 2);
    const up = await localised();
    assert.deepEqual([up.status, up.levels], ['located', LEVELS.slice(0, 4)]);
    assert.deepEqual(up.reasons, [
      'levels set by user:anna: the disc drawn as L5-S1 is L4-L5, the others follow (L5 has ribs)',
      'the localiser: six discs fit',
    ]);
    // As the case shows them now: back by one, and down by one more, where the lowest leaves the lumbar spine.
    await say('L4-L5', 'L5-S1');
    assert.deepEqual((await localised()).levels, LEVELS.slice(1));
    await say('L4-L5', 'L5-S1');
    const down = await localised();
    assert.deepEqual(down.levels, LEVELS.slice(2));
    assert.match(down.reasons[1]!, /1 disc drawn outside L1 to S1 by it, left out/);
    const [event] = await listAudit(knex(), 'case', (await caseOf(study)).id).then((all) =>
      all.filter(({ event: name }) => name === 'LEVELS_DECIDED'),
    );
    assert.deepEqual(
      [event?.actor, event?.detail.shownAs, event?.detail.reason],
      ['user:anna', 'L4-L5', 'L5 has ribs'],
    );
  });

  it('a study that something could still better is answered when it has been quiet', async () => {
    const study = await makeStudy();
    const fs = await arriving(study, 5, { description: 'T2 TSE FS SAG' });
    await complete(fs);
    await read(fs);
    quietForMs = 10_000;
    const end = await walk(await caseOf(study), pairStep);
    assert.ok('waitingFor' in end && /quiet until/.test(end.waitingFor ?? ''));
    assert.ok('postponeMs' in end && end.postponeMs! > 15_000 && end.postponeMs! <= 20_000);
    isWhole = true;
    const known = await pairStep(context(), await caseOf(study));
    assert.ok('to' in known, 'what its source has counted waits for nothing');
    isWhole = false;
    quietForMs = 31_000;
    assert.ok('to' in (await walk(await caseOf(study), pairStep)));
  });

  it('series of a study that none can be read park it with the reason; a person sends them back to be read again', async () => {
    const study = await makeStudy();
    const uid = await arriving(study, 3);
    await complete(uid);
    await putFailedReading(knex(), uid, { code: 'PIXELS_UNSUPPORTED', message: 'no such codec' });
    const row = await caseOf(study);
    await assert.rejects(pairStep(context(), row), { code: 'PIXELS_UNSUPPORTED', message: 'no such codec' });
    await knex().transaction(async (trx) => {
      await lockCase(trx, row.id);
      await moveCase(trx, { id: row.id, revision: 1, from: 'received', to: 'parked' });
    });
    await unparkCase(knex(), { id: row.id, reason: 'it can be read now' });
    const end = await walk(row, pairStep);
    assert.ok('waitingFor' in end && /tried again/.test(end.waitingFor ?? ''));
    assert.equal(asked, 1);
    const [reading] = await listReadings(knex(), [uid], testReader.sha256);
    assert.deepEqual([reading?.state, reading?.attempts], ['due', 0]);
    await read(uid);
    assert.ok('to' in (await walk(row, pairStep)));
  });

  it('a picture nobody named, without a lumbar spine, closes its case; a lumbar series of the study opens it again', async () => {
    const study = await makeStudy();
    const other = await arriving(study, 3, { region: 'UNKNOWN' });
    await complete(other);
    await read(other, { status: 'not-found', discs: [] });
    await walk(await caseOf(study), pairStep);
    const closed = await caseOf(study);
    assert.deepEqual([closed.state, closed.closedBecause?.slice(0, 20)], ['closed', 'no lumbar spine here']);
    const lumbar = await arriving(study, 4);
    await complete(lumbar);
    const again = await caseOf(study);
    assert.deepEqual([again.state, again.revision, again.closedBecause], ['received', 2, null]);
  });

  it('a CT is waited for until it is measured; one that cannot be read is passed over and never stops the MR', async () => {
    const patientId = newUid();
    const study = await makeStudy(patientId);
    const ct = await arriving(await makeStudy(patientId), 2, { role: 'ct' });
    const mr = await arriving(study, 3);
    await complete(mr);
    await read(mr);
    await complete(ct);
    const row = await caseOf(study);
    const end = await walk(row, pairStep);
    assert.deepEqual('waitingFor' in end && end.waitingFor, 'a CT is still arriving or being read');
    await putFailedReading(knex(), ct, { code: 'PIXELS_UNSUPPORTED', message: 'no rescale slope' });
    await walk(row, pairStep);
    const pairing = await findPairing(knex(), row.id, 1);
    assert.deepEqual([pairing?.outcome, pairing?.ctSeriesInstanceUid], ['unreadable', null]);
  });

  it('a CT that grew after it was measured is another reading, and begins another revision', async () => {
    const patientId = newUid();
    const study = await makeStudy(patientId);
    const ct = await arriving(await makeStudy(patientId), 2, { role: 'ct' });
    const mr = await arriving(study, 3);
    for (const uid of [mr, ct]) await complete(uid);
    await read(ct, FOUND, 'CT');
    await read(mr);
    const row = await caseOf(study);
    await walk(row, pairStep);
    assert.equal((await findPairing(knex(), row.id, 1))?.ctSeriesInstanceUid, ct);
    await knex().transaction((trx) =>
      seriesRead(trx, { seriesInstanceUid: ct, modality: 'CT' }, reconsidering),
    );
    assert.equal((await caseOf(study)).revision, 1, 'the same reading again is no news');
    await reopenSeries(knex(), ct);
    await addImage(ct);
    await complete(ct);
    await read(ct, FOUND, 'CT');
    const after = await caseOf(study);
    assert.equal(after.revision, 2);
    assert.match(after.revisionReason, /images of the CT arrived/);
  });

  it('a reading by an older localiser is none: the series is read again, whoever asks first', async () => {
    const study = await makeStudy();
    const mr = await arriving(study, 3);
    await complete(mr);
    await read(mr);
    const newer = { ...testReader, sha256: 'cd'.repeat(32) };
    const end = await pairStep({ ...context(), reader: newer }, await caseOf(study));
    assert.ok('waitingFor' in end && /being read/.test(end.waitingFor ?? ''));
    assert.equal(asked, 1);
    assert.equal((await listReadings(knex(), [mr], newer.sha256)).length, 1);
  });
});
