import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Assembler, startAssembler } from '../../agent/assemble/assembler.js';
import { missingLines } from '../../agent/expose/receivedWords.js';
import { seriesComplete, seriesRead } from '../../agent/pair/reconsider.js';
import { openSpool, type Spool } from '../../agent/receive/spool.js';
import type { SpooledFile } from '../../agent/receive/types.js';
import { compileRules } from '../../agent/route/rules.js';
import { parseConfig } from '../../config/load.js';
import { findAssociation } from '../../db/tables/associations.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { findInstance, listInstances } from '../../db/tables/instances.js';
import { askForPrior } from '../../db/tables/priorFetches.js';
import { findSeries, type SeriesRow } from '../../db/tables/series.js';
import { type Elements, writePart10 } from '../dicom/writePart10.js';
import { quietLog, useDatabase } from '../support/database.js';
import { located, putReading, testReader } from '../support/readings.js';
import { until } from '../support/until.js';
import { ended, lumbarT2, MR_IMAGE, newSeries, opened, type Series, SLICES } from './rig.js';

const reconsidering = { reader: testReader, windowDays: 28 };

/** What makes a CT serve. */
const DISC = {
  level: 'L4-L5',
  centrePatientMm: [0, 0, 0],
  centrePixel: [10, 10],
  roiPixel: [5, 5, 15, 15],
  confidence: 0.9,
} as const;

describe('assemble: from the spool to cases, on a real database', () => {
  const db = useDatabase();
  const started: Assembler[] = [];
  let spool: Spool;

  beforeEach(async () => {
    await rm(join(db.config.dataDir, 'spool'), { recursive: true, force: true });
    spool = await openSpool({ dir: join(db.config.dataDir, 'spool'), log: quietLog });
  });
  afterEach(async () => {
    for (const assembler of started.splice(0)) await assembler.close();
    await spool.close();
  });

  function start(
    quietPeriodMs = 60_000,
    rules: Parameters<typeof compileRules>[0] = parseConfig({}).route,
  ): Assembler & { readonly woken: CaseRow[] } {
    const woken: CaseRow[] = [];
    const assembler = startAssembler({
      config: parseConfig({ assemble: { quietPeriodMs, releaseGraceMs: 20, manyAssociationsGraceMs: 40 } }),
      database: db.database,
      dataDir: db.config.dataDir,
      spool,
      decideRole: compileRules(rules),
      log: quietLog,
      onSeriesComplete: async (trx, series) => {
        const { seriesInstanceUid } = series;
        const complete = await seriesComplete(trx, series, reconsidering);
        if (series.role === 'ignored') return complete;
        const modality = series.role === 'ct' ? 'CT' : 'MR';
        await putReading(
          trx,
          seriesInstanceUid,
          located(seriesInstanceUid, modality, { status: 'located', discs: [DISC] }),
        );
        const read = await seriesRead(trx, { seriesInstanceUid, modality }, reconsidering);
        return [...complete, ...read];
      },
      wake: (row) => void woken.push(row),
    });
    started.push(assembler);
    return Object.assign(assembler, { woken });
  }

  async function spooled(
    elements: Elements,
    associationId: string | null,
    at = new Date(),
  ): Promise<SpooledFile> {
    const bytes = writePart10(elements);
    const path = join(
      spool.dir,
      'new',
      `${at.getTime()}-${associationId ?? 'none'}-${randomUUID().slice(0, 8)}.dcm`,
    );
    await writeFile(path, bytes);
    return {
      path,
      sopClassUid: MR_IMAGE,
      sopInstanceUid: elements.SOPInstanceUID as string,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      sizeBytes: bytes.length,
      callingAe: 'MR1',
      associationId,
      receivedAt: at,
    };
  }

  /** One association that brings these slices and ends as told; null leaves it open. */
  async function bring(
    assembler: Assembler,
    study: Series,
    indexes: readonly number[],
    how: 'released' | 'aborted' | null,
  ) {
    const id = randomUUID();
    assembler.associationOpened(opened(id));
    for (const index of indexes) assembler.stored(await spooled(lumbarT2(study, index), id));
    if (how) assembler.associationEnded(ended(id, how));
    await assembler.settled();
    return id;
  }

  const all = Array.from({ length: SLICES }, (_, i) => i + 1);
  const seriesOf = async ({ seriesInstanceUid }: Series) =>
    (await findSeries(db.database.knex, seriesInstanceUid))!;
  const caseOf = async ({ studyInstanceUid }: Series) =>
    (await listCases(db.database.knex, { mrStudyInstanceUid: studyInstanceUid }))[0];

  const untilState = (study: Series, state: SeriesRow['state']) =>
    until(async () => (await seriesOf(study)).state === state);

  it('a released stack becomes a case, and the case is woken', async () => {
    const assembler = start();
    const study = newSeries();
    await bring(assembler, study, all, 'released');
    await untilState(study, 'complete');
    const series = await seriesOf(study);
    assert.deepEqual(
      [series.role, series.completeReason, series.acquisitionDate],
      ['mr', 'released-stack', '2024-01-10'],
    );
    const row = await caseOf(study);
    assert.deepEqual([row?.state, row?.revision], ['received', 1]);
    await until(async () => assembler.woken.some(({ id }) => id === row?.id));
  });

  it('every object lies in the store under a name the sender did not choose, and nothing is left in new', async () => {
    const study = newSeries();
    await bring(start(), study, all, 'released');
    const instances = await listInstances(db.database.knex, study.seriesInstanceUid);
    assert.equal(instances.length, SLICES);
    for (const { spoolPath, sopInstanceUid } of instances) {
      assert.ok(existsSync(join(db.config.dataDir, spoolPath)));
      assert.ok(!spoolPath.includes(sopInstanceUid));
    }
    assert.deepEqual(await readdir(join(spool.dir, 'new')), []);
  });

  it('closed too early: an aborted association waits for the quiet period', async () => {
    const study = newSeries();
    await bring(start(400), study, all, 'aborted');
    assert.equal((await seriesOf(study)).state, 'receiving');
    await untilState(study, 'complete');
    assert.equal((await seriesOf(study)).completeReason, 'quiet');
  });

  it('closed too early: of a series that we fetch ourselves its source has said how many images it has', async () => {
    const { knex } = db.database;
    const asking = newSeries();
    await bring(start(), asking, all, 'released');
    const study = newSeries();
    const dates = { anchorDate: '2024-01-10', dateFrom: '2023-12-13', dateTo: '2024-02-07' };
    const { seriesInstanceUid, patientId } = asking;
    const fetch = {
      seriesInstanceUid,
      source: 'pacs',
      patientId,
      issuerOfPatientId: '',
      wantedModality: 'CT',
    };
    await knex.transaction(async (trx) => {
      await askForPrior(trx, { ...fetch, ...dates, wantedModality: 'CT' });
      const { id } = await trx('priorFetch').where({ seriesInstanceUid }).first('id');
      const { studyInstanceUid } = study;
      const planned = { studyInstanceUid, seriesInstanceUid: study.seriesInstanceUid, state: 'wanted' };
      await trx('priorFetchSeries').insert({ priorFetchId: id, ...planned, expectedInstances: SLICES + 1 });
    });
    await bring(start(), study, all, 'released');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await seriesOf(study)).state, 'receiving', 'a gapless stack, released, and not all of it');
    await bring(start(), study, [SLICES + 1], 'released');
    await untilState(study, 'complete');
    assert.equal((await seriesOf(study)).completeReason, 'counted');
  });

  it('what a source has and what never came is said, when the series is taken as it is', async () => {
    const study = newSeries();
    const quick = start(400);
    await bring(quick, study, all.slice(1), 'aborted');
    const { seriesInstanceUid } = study;
    await db.database
      .knex('series')
      .where({ seriesInstanceUid })
      .update({ expectedInstances: SLICES + 3 });
    await untilState(study, 'complete');
    const { completeReason, missing } = await seriesOf(study);
    assert.deepEqual(
      [completeReason, missing],
      ['quiet', `by its source 4 of ${SLICES + 3} images are not here`],
    );
    assert.deepEqual(missingLines([{ modality: 'CT', missing }]), [
      `CT: no more images came, and ${missing}`,
    ]);
  });

  it('a late image reopens the series, and the case is read again as its next revision', async () => {
    const assembler = start();
    const study = newSeries();
    await bring(assembler, study, all, 'released');
    await untilState(study, 'complete');
    const { id } = (await caseOf(study))!;
    await db.database.knex('case').where({ id }).update({ state: 'delivered' });
    await bring(assembler, study, [SLICES + 1], 'released');
    await until(async () => (await caseOf(study))?.revision === 2);
    const series = await seriesOf(study);
    assert.deepEqual([series.state, series.reopened], ['complete', 1]);
    assert.match((await caseOf(study))!.revisionReason, /after it had been read/);
  });

  it('the first image decides nothing: proton density first, T2 later, in another association', async () => {
    const assembler = start();
    const study = newSeries();
    const echoes = [
      ['15', 1],
      ['102', 2],
    ] as const;
    for (const [EchoTime, echo] of echoes) {
      const id = randomUUID();
      assembler.associationOpened(opened(id));
      for (const index of all) {
        const SOPInstanceUID = `${study.seriesInstanceUid.slice(0, 50)}.${index}.${echo}`;
        assembler.stored(await spooled(lumbarT2(study, index, { EchoTime, SOPInstanceUID }), id));
      }
      assembler.associationEnded(ended(id));
      await assembler.settled();
      assert.equal((await seriesOf(study)).role, echo === 1 ? 'ignored' : 'mr', 'as far as has come');
    }
    await untilState(study, 'complete');
    await until(async () => (await seriesOf(study)).role === 'mr');
    const { roleReason, attributes } = await seriesOf(study);
    assert.match(roleReason, /5 of 10 pictures \(echo 102 ms\)/);
    assert.equal(attributes.weighting, 'T2');
    assert.ok(await caseOf(study));
  });

  it('all images decide: a series thought lumbar by its first is let go by the rest, with its reason', async () => {
    const assembler = start();
    const study = newSeries();
    for (const index of all)
      assembler.stored(
        await spooled(lumbarT2(study, index, index === 1 ? {} : { BodyPartExamined: 'HEAD' }), null),
      );
    await assembler.settled();
    await bring(assembler, study, [SLICES + 1], 'released');
    await untilState(study, 'complete');
    const { role, roleReason } = await seriesOf(study);
    assert.equal(role, 'ignored');
    assert.match(roleReason, /region OTHER by BodyPartExamined/);
    assert.equal(await caseOf(study), undefined);
  });

  it('an association ended when it ended, however long the index took to learn of it', async () => {
    const assembler = start();
    const study = newSeries();
    const id = await bring(assembler, study, all, null);
    const endedAt = new Date(Date.now() - 40);
    assembler.associationEnded({ ...ended(id), endedAt });
    await untilState(study, 'complete');
    assert.deepEqual((await findAssociation(db.database.knex, id))?.endedAt, endedAt);
  });

  it('images that came before their facts were kept are read again when their series is complete', async () => {
    const assembler = start(800);
    const study = newSeries();
    for (const index of all) assembler.stored(await spooled(lumbarT2(study, index), null));
    await assembler.settled();
    await db.database
      .knex('instance')
      .where({ seriesInstanceUid: study.seriesInstanceUid })
      .update({ facts: null });
    await untilState(study, 'complete');
    assert.equal((await seriesOf(study)).role, 'mr');
  });

  it('a rule that fails for one series leaves it out, says so, and stops nobody', async () => {
    const assembler = start(60_000, { mr: "size(ImageType) < 5 || ImageType[5] != 'X'", ct: 'false' });
    const [odd, other] = [newSeries(), newSeries()];
    const id = randomUUID();
    assembler.associationOpened(opened(id));
    const ImageType = 'ORIGINAL\\PRIMARY\\M\\SE\\NORM';
    for (const index of all) assembler.stored(await spooled(lumbarT2(odd, index, { ImageType }), id));
    assembler.associationEnded(ended(id));
    await bring(assembler, other, all, 'released');
    await untilState(other, 'complete');
    await untilState(odd, 'complete');
    assert.equal(assembler.isStuck, false);
    assert.deepEqual([(await seriesOf(odd)).role, (await seriesOf(other)).role], ['ignored', 'mr']);
    assert.match((await seriesOf(odd)).roleReason, /^route\.mr cannot be worked out for it/);
  });

  it('the same objects again are counted and change nothing', async () => {
    const assembler = start();
    const study = newSeries();
    await bring(assembler, study, all, 'released');
    await untilState(study, 'complete');
    await bring(assembler, study, all, 'released');
    const [first] = await listInstances(db.database.knex, study.seriesInstanceUid);
    assert.equal(first?.duplicates, 1);
    assert.deepEqual([(await seriesOf(study)).reopened, (await caseOf(study))?.revision], [0, 1]);
    assert.deepEqual(await readdir(join(spool.dir, 'new')), []);
  });

  it('another object under a known UID is kept aside, the first one stays', async () => {
    const assembler = start();
    const study = newSeries();
    await bring(assembler, study, all, 'released');
    const before = await findInstance(db.database.knex, `${study.seriesInstanceUid.slice(0, 50)}.1`);
    assembler.stored(await spooled(lumbarT2(study, 1, { SeriesDescription: 'another' }), null));
    await assembler.settled();
    const after = await findInstance(db.database.knex, before!.sopInstanceUid);
    assert.equal(after?.datasetSha256, before?.datasetSha256);
    assert.equal(
      (await readdir(join(spool.dir, 'aside'))).some((name) => name.endsWith('.dcm')),
      true,
    );
  });

  it('one bad file is set aside and stops nobody else', async () => {
    const assembler = start();
    const study = newSeries();
    assembler.stored(await spooled(lumbarT2(study, 99, { StudyInstanceUID: 'not a uid' }), null));
    await bring(assembler, study, all, 'released');
    await untilState(study, 'complete');
    assert.equal((await listInstances(db.database.knex, study.seriesInstanceUid)).length, SLICES);
    assert.equal(
      (await readdir(join(spool.dir, 'aside'))).some((name) => name.endsWith('.dcm')),
      true,
    );
  });

  it('a series that waits when the agent dies is completed by the next one: the quiet period is not lost', async () => {
    const study = newSeries();
    const first = start(600);
    await bring(first, study, all, null);
    await first.close();
    assert.equal((await seriesOf(study)).state, 'receiving');
    start(600);
    await untilState(study, 'complete');
    assert.ok(await caseOf(study));
  });

  it('closed too early: images that wait for the index are no silence', async () => {
    const study = newSeries();
    const assembler = start(300);
    const old = new Date(Date.now() - 10_000);
    for (const index of all) assembler.stored(await spooled(lumbarT2(study, index), null, old));
    await assembler.settled();
    await untilState(study, 'complete');
    assert.equal((await seriesOf(study)).reopened, 0);
    assert.equal((await caseOf(study))?.revision, 1);
  });

  it('an index that cannot be written is said, so that senders are refused, and mends by itself', async () => {
    const { knex } = db.database;
    await knex.raw(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON instance EXECUTE FUNCTION refuse()`);
    const assembler = start();
    const study = newSeries();
    assembler.stored(await spooled(lumbarT2(study, 1), null));
    await until(async () => assembler.isStuck);
    await knex.raw('DROP TRIGGER refuse ON instance');
    await assembler.settled();
    assert.equal(assembler.isStuck, false);
    assert.equal((await listInstances(knex, study.seriesInstanceUid)).length, 1, 'and nothing is lost');
  });

  it('a CT that arrives later begins a new revision of the MR that was read without it, and of no other', async () => {
    const assembler = start();
    const [study, other] = [newSeries('SAME'), newSeries('OTHER')];
    for (const one of [study, other]) {
      await bring(assembler, one, all, 'released');
      await untilState(one, 'complete');
      const row = (await caseOf(one))!;
      await db.database.knex('case').where({ id: row.id }).update({ state: 'delivered' });
    }
    const ct = newSeries('SAME');
    const id = randomUUID();
    assembler.associationOpened(opened(id, 'CT1'));
    for (const index of all)
      assembler.stored(
        await spooled(
          lumbarT2(ct, index, {
            Modality: 'CT',
            AcquisitionDate: '20240120',
            ImageOrientationPatient: '1\\0\\0\\0\\1\\0',
            ImagePositionPatient: `0\\0\\${index}`,
          }),
          id,
        ),
      );
    assembler.associationEnded(ended(id));
    await until(async () => (await caseOf(study))?.revision === 2);
    assert.match((await caseOf(study))!.revisionReason, /CT within the window/);
    assert.equal((await caseOf(other))?.revision, 1);
  });
});
