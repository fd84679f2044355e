import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../../agent/dicom/header.js';
import { newUid } from '../../agent/dicom/uid.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';
import { openLocator } from '../../agent/locate/pool.js';
import type { CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import { readerOf } from '../../agent/read/reader.js';
import { locateStep } from '../../agent/steps/locate.js';
import { pairStep } from '../../agent/steps/pair.js';
import { reportStep } from '../../agent/steps/report.js';
import type { AgentStep, StepContext } from '../../agent/steps/types.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { type CaseRow, createCase, findCase, moveCase, reviseCase } from '../../db/tables/cases.js';
import { listDeliveries, markFailed, markStored, startDelivery } from '../../db/tables/deliveries.js';
import { insertInferences } from '../../db/tables/inferences.js';
import { putInstance } from '../../db/tables/instances.js';
import { changeModel, type ModelRow, registerModel } from '../../db/tables/models.js';
import { listRegions } from '../../db/tables/regions.js';
import { findReport } from '../../db/tables/reports.js';
import { completeSeries, ensureSeries, updateSeries } from '../../db/tables/series.js';
import { ensureStudy, findStudy } from '../../db/tables/studies.js';
import { listPairingCandidates } from '../../db/views/pairingCandidates.js';
import { failStep, startStep } from '../../db/work/steps.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { quietLog } from '../support/database.js';
import { ownFiles } from '../support/files.js';
import { putReading } from '../support/readings.js';

/** What a worklist of some days looks like, on real pictures: one phantom, read by the real localiser. */
export interface Showcase {
  readonly truth: PhantomTruth;
  /** Two calcified discs, a CT, a report in the PACS; a shadow model. */
  readonly flagged: CaseRow;
  /** Levels in doubt, no CT. */
  readonly doubtful: CaseRow;
  readonly parked: CaseRow;
  /** Revised by a later CT; the PACS is not answering. */
  readonly waiting: CaseRow;
  readonly received: CaseRow;
}

/** P(calcified) of the deciding model by level, from L1-L2 down. */
type Answers = readonly number[];

const THRESHOLD = 0.42;

export async function fillShowcase(config: Config, database: Database): Promise<Showcase> {
  const full = parseConfig({
    ...config,
    route: { destinations: [{ name: 'pacs', aeTitle: 'ORTHANC', host: '127.0.0.1', port: 4242 }] },
  });
  const outDir = join(config.dataDir, 'phantom');
  await mkdir(outDir, { recursive: true });
  const truth = await writePhantom({ outDir, seed: 7, calcified: ['L4-L5', 'L5-S1'] });
  const locator = await openLocator(full, quietLog);
  try {
    const seen = {
      mr: await locator.locateMr(await filesIn(join(outDir, 'mr'))),
      ct: await locator.measureCt(await filesIn(join(outDir, 'ct'))),
    };
    const models = await installModels(database);
    const context = {
      config: full,
      database,
      files: ownFiles(full, database),
      reader: readerOf(full, locator.localiser),
      isStudyWhole: async () => true,
      wakeReadings: () => undefined,
      indexedUntilMs: () => Date.now() + full.assemble.studyQuietMs,
      log: quietLog,
      signal: new AbortController().signal,
    };
    const room = new Room(context, models, seen);
    return { truth, ...(await room.fill(truth)) };
  } finally {
    await locator.close();
  }
}

interface Seen {
  readonly mr: Located<LocateResult>;
  readonly ct: Located<CtResult>;
}

class Room {
  /** The one image of each other patient's series. */
  private readonly images = new Map<string, string>();

  constructor(
    private readonly context: StepContext,
    private readonly models: readonly [active: ModelRow, shadow: ModelRow],
    private readonly seen: Seen,
  ) {}

  async fill(truth: PhantomTruth) {
    const { knex } = this.context.database;
    const received = await this.newCase('MOREAU^ÉLODIE', 'P-1044', '2026-11-23');
    const parked = await this.park(await this.newCase('ANDERSSON^NILS', 'P-1043', '2026-11-22'));
    const doubtful = await this.doubtful(await this.newCase('OKAFOR^ADA', 'P-1042', '2026-11-21'));
    const waiting = await this.waiting(
      await this.newCase(
        'VON DER HEIDE-SCHWARZENBACH^MARIA ANNUNZIATA',
        'P-1041',
        '2026-11-20',
        '2026-12-04',
      ),
    );
    const flagged = await this.flagged(truth);
    const now = async (row: CaseRow) => (await findCase(knex, row.id))!;
    return {
      flagged: await now(flagged),
      doubtful: await now(doubtful),
      parked: await now(parked),
      waiting: await now(waiting),
      received: await now(received),
    };
  }

  /** The phantom itself, its files where the index says. */
  private async flagged(truth: PhantomTruth): Promise<CaseRow> {
    for (const series of [truth.mr, truth.ct]) await this.index(series);
    const row = await this.caseOf(truth.mr);
    await this.read(row);
    await this.step(row, 'received', pairStep);
    await this.step(row, 'paired', locateStep);
    await this.classify(row, [0.04, 0.11, 0.07, 0.93, 0.61], true);
    await this.step(row, 'classified', reportStep);
    return this.deliver(row, true);
  }

  private async waiting(row: CaseRow): Promise<CaseRow> {
    const { knex } = this.context.database;
    const revised = (await knex.transaction((trx) =>
      reviseCase(trx, { id: row.id, reason: 'a CT within the window became complete' }),
    ))!;
    await this.read(row);
    await this.step(revised, 'received', pairStep);
    await this.step(revised, 'paired', locateStep);
    await this.classify(revised, [0.02, 0.35, 0.47, 0.12, 0.2], false);
    await this.step(revised, 'classified', reportStep);
    return this.deliver(revised, false);
  }

  private async doubtful(row: CaseRow): Promise<CaseRow> {
    const reasons = ['four or six lumbar-type discs possible: the levels could be one up or down'];
    const result = { ...this.seen.mr.result, status: 'uncertain' as const, reasons };
    await this.read(row, { ...this.seen.mr, result });
    await this.step(row, 'received', pairStep);
    await this.step(row, 'paired', locateStep);
    return this.classify(row, [0.05, 0.08, 0.03, 0.66, 0.09], false);
  }

  private async park(row: CaseRow): Promise<CaseRow> {
    const { database } = this.context;
    const started = await startStep(database.knex, { ...row, state: 'received' });
    const error = new CalcidiscError(
      'PIXELS_UNSUPPORTED',
      'transfer syntax 1.2.840.10008.1.2.4.100 is not decoded here',
    );
    await failStep(database.knex, { ...started!, error, retry: this.context.config.retry });
    return row;
  }

  private async newCase(
    patientName: string,
    patientId: string,
    date: string,
    ctDate?: string,
  ): Promise<CaseRow> {
    const { knex } = this.context.database;
    const uids = { studyInstanceUid: newUid(), seriesInstanceUid: newUid() };
    const study = {
      patientName,
      patientId,
      patientBirthDate: '1961-04-02',
      patientSex: 'F',
      studyDate: date,
    };
    const named = {
      ...study,
      accessionNumber: `A${patientId.slice(2)}`,
      studyDescription: 'MR LUMBAR SPINE',
    };
    await ensureStudy(knex, { ...named, studyInstanceUid: uids.studyInstanceUid });
    const series = { modality: 'MR', seriesDescription: 'T2 TSE SAG', acquisitionDate: date };
    await ensureSeries(knex, { ...uids, ...series });
    await this.addImage(uids.seriesInstanceUid, 'mr');
    await this.complete(uids.seriesInstanceUid, 'mr');
    if (ctDate) {
      const ct = { studyInstanceUid: newUid(), seriesInstanceUid: newUid() };
      await ensureStudy(knex, { ...study, studyInstanceUid: ct.studyInstanceUid, studyDate: ctDate });
      await ensureSeries(knex, { ...ct, modality: 'CT', acquisitionDate: ctDate });
      await this.addImage(ct.seriesInstanceUid, 'ct');
      await this.complete(ct.seriesInstanceUid, 'ct');
    }
    return this.caseOf(uids);
  }

  private async complete(seriesInstanceUid: string, role: 'mr' | 'ct'): Promise<void> {
    const { knex } = this.context.database;
    await updateSeries(knex, seriesInstanceUid, { role, roleReason: 'by rule' });
    await completeSeries(knex, seriesInstanceUid, 'counted');
  }

  private async caseOf(mr: { studyInstanceUid: string; seriesInstanceUid: string }): Promise<CaseRow> {
    const made = await createCase(this.context.database.knex, {
      mrStudyInstanceUid: mr.studyInstanceUid,
      mrSeriesInstanceUid: mr.seriesInstanceUid,
    });
    return made.case;
  }

  private async index({ modality }: PhantomTruth['mr'] | PhantomTruth['ct']): Promise<void> {
    const { knex } = this.context.database;
    const { dataDir } = this.context.config;
    for (const path of await filesIn(join(dataDir, 'phantom', modality.toLowerCase()))) {
      const header = await readHeader(path);
      await ensureStudy(knex, {
        studyInstanceUid: header.studyInstanceUid!,
        patientId: header.patientId ?? '',
        patientName: 'PHANTOM^LUMBAR',
        patientBirthDate: '1970-06-15',
        patientSex: 'O',
        accessionNumber: `${modality}7`,
        studyDescription: `${modality} LUMBAR SPINE`,
      });
      const [studyInstanceUid, seriesInstanceUid] = [header.studyInstanceUid!, header.seriesInstanceUid!];
      const described = {
        seriesDescription: header.seriesDescription ?? '',
        acquisitionDate: header.acquisitionDate,
      };
      await ensureSeries(knex, { studyInstanceUid, seriesInstanceUid, modality, ...described });
      await this.insertImage(path, header.sopInstanceUid!, seriesInstanceUid);
    }
    const role = modality === 'MR' ? 'mr' : 'ct';
    const uid = (await readHeader((await filesIn(join(dataDir, 'phantom', role)))[0]!)).seriesInstanceUid!;
    await this.complete(uid, role);
  }

  private async insertImage(path: string, sopInstanceUid: string, seriesInstanceUid: string): Promise<void> {
    const header = await readHeader(path);
    await putInstance(this.context.database.knex, {
      sopInstanceUid,
      seriesInstanceUid,
      sopClassUid: header.sopClassUid!,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      instanceNumber: header.instanceNumber,
      slicePositionMm: null,
      spoolPath: path.slice(this.context.config.dataDir.length + 1),
      sizeBytes: 1,
      datasetSha256: '0'.repeat(64),
      callingAe: 'SCANNER',
      associationId: null,
      receivedAt: new Date(),
    });
  }

  /** Another patient's series, of one image: the phantom's under a UID of its own. */
  private async addImage(seriesInstanceUid: string, modality: 'mr' | 'ct'): Promise<void> {
    const sopInstanceUid = newUid();
    const [path] = await filesIn(join(this.context.config.dataDir, 'phantom', modality));
    await this.insertImage(path!, sopInstanceUid, seriesInstanceUid);
    this.images.set(seriesInstanceUid, sopInstanceUid);
  }

  /** The pixels were read once for all cases: what was found is each patient's own. */
  private async read(row: CaseRow, mr = this.seen.mr): Promise<void> {
    const { database, reader } = this.context;
    const { knex } = database;
    const own = <R extends Located<LocateResult | CtResult>>(located: R, seriesInstanceUid: string): R => {
      const { slice } = located.result;
      const sopInstanceUid = this.images.get(seriesInstanceUid) ?? slice!.sopInstanceUid;
      const result = { ...located.result, seriesInstanceUid, slice: { ...slice!, sopInstanceUid } };
      return { ...located, result };
    };
    await putReading(knex, row.mrSeriesInstanceUid, own(mr, row.mrSeriesInstanceUid), reader);
    const { patientId } = (await findStudy(knex, row.mrStudyInstanceUid))!;
    for (const { seriesInstanceUid } of await listPairingCandidates(knex, patientId, 'ct'))
      await putReading(knex, seriesInstanceUid, own(this.seen.ct, seriesInstanceUid), reader);
  }

  /** One step of the agent as it runs. */
  private async step(row: CaseRow, from: CaseRow['state'], step: AgentStep): Promise<void> {
    const { knex } = this.context.database;
    const current = (await findCase(knex, row.id))!;
    const end = await step(this.context, current);
    if (!('to' in end)) throw new Error(`the step after ${from} waits`);
    await knex.transaction(async (trx) => {
      await end.save?.(trx);
      await moveCase(trx, {
        id: row.id,
        revision: row.revision,
        from,
        to: end.to,
        auditDetail: end.auditDetail,
      });
    });
  }

  private async classify(row: CaseRow, answers: Answers, hasShadow: boolean): Promise<CaseRow> {
    const { knex } = this.context.database;
    const regions = await listRegions(knex, row.id, row.revision);
    const models = hasShadow ? this.models : this.models.slice(0, 1);
    return knex.transaction(async (trx) => {
      await insertInferences(
        trx,
        models.flatMap((model, m) =>
          regions.map(({ id, pngSha256 }, i) => {
            const probability = Math.fround(answers[i]! * (m === 0 ? 1 : 0.8));
            return {
              discRegionId: id,
              modelId: model.id,
              role: m === 0 ? ('active' as const) : ('shadow' as const),
              probability,
              threshold: THRESHOLD,
              answer: probability >= THRESHOLD ? ('calcified' as const) : ('not-calcified' as const),
              reasons: [],
              alone: null,
              distance: null,
              modelSha256: model.sha256,
              pngSha256,
              provider: 'cpu',
              runtime: 'onnxruntime-node 1.30.0',
              batchSize: regions.length,
              batchPosition: i,
              milliseconds: 118,
              cam: camWithPeak(probability),
            };
          }),
        ),
      );
      return moveCase(trx, { id: row.id, revision: row.revision, from: 'located', to: 'classified' });
    });
  }

  private async deliver(row: CaseRow, isAnswering: boolean): Promise<CaseRow> {
    const { knex } = this.context.database;
    const report = (await findReport(knex, row.id, row.revision))!;
    const [delivery] = await listDeliveries(knex, report.id);
    await startDelivery(knex, delivery!.id);
    if (isAnswering) {
      await markStored(knex, delivery!.id, '0000');
      return moveCase(knex, { id: row.id, revision: row.revision, from: 'reported', to: 'delivered' });
    }
    const error = new CalcidiscError('DESTINATION_UNREACHABLE', 'connect ECONNREFUSED 127.0.0.1:4242');
    await markFailed(knex, delivery!.id, { error, status: null, delayMs: 60_000 });
    return row;
  }
}

async function installModels({ knex }: Database): Promise<[ModelRow, ModelRow]> {
  const card = {
    description: 'ResNet-34 on the region around one disc, mid-sagittal T2.',
    licence: 'Apache-2.0',
    trainingData: { simulated: true, attribution: 'van der Graaf et al., Sci Data 11:264 (2024), CC BY 4.0' },
    metrics: { heldOut: { discs: 120, auc: 0.9 } },
    limits: [
      'Learnt from simulated calcification only.',
      'Not tried on a patient with proven calcification.',
    ],
    intendedUse: 'Research. Not for diagnosis.',
  };
  const register = async (name: string, to: 'active' | 'shadow') => {
    const identity = { version: '1', kind: 'classifier' as const, sha256: sha256(Buffer.from(name)) };
    const { model } = await registerModel(knex, { ...identity, name, path: `${name}/1/model.onnx`, card });
    return changeModel(knex, { id: model.id, to });
  };
  return [await register('resnet34', 'active'), await register('densenet121', 'shadow')];
}

/** 7 by 7, brightest behind the disc's middle. */
function camWithPeak(peak: number): Buffer {
  const map = Float32Array.from({ length: 49 }, (_, i) => {
    const [row, col] = [Math.floor(i / 7), i % 7];
    return peak * Math.exp(-((row - 3) ** 2 + (col - 5) ** 2) / 3);
  });
  return Buffer.from(map.buffer);
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((file) => join(folder, file));
}
