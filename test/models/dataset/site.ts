import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../../cli/service.js';
import type { Config } from '../../../config/schema.js';
import type { Database } from '../../../db/server/database.js';
import type { ExportRequest } from '../../../models/dataset/export.js';
import { type PhantomOptions, type PhantomTruth, writePhantom } from '../../../models/phantom/phantom.js';
import { UNUSED_CT } from '../../support/coarse.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../../support/database.js';
import { serviceConfig } from '../../support/service.js';
import { until } from '../../support/until.js';

/** A hospital in small: phantoms sent by DICOM to a real agent and worker, on a real PostgreSQL. */
export interface Site {
  readonly config: Config;
  readonly database: Database;
  readonly dir: string;
  /** In the order of the patients; `dicom` is the folder with mr/ and ct/. */
  readonly patients: readonly {
    readonly truth: PhantomTruth;
    readonly dicom: string;
    readonly caseId: string;
  }[];
  close(): Promise<void>;
}

/** The markups of test/fixtures were drawn on what this one finds: what leaves is tested here, not the localiser. */
const LOCALISER = 'localiser@4';

/** Fewer and larger pixels than the phantom's own: a third of the processor time, and the levels as certain. */
const COARSE = { ct: { sliceMm: 3 }, mr: { matrix: 320, slices: 9 } } as const;

export type SitePatient = Omit<PhantomOptions, 'outDir'> & { readonly withoutCt?: boolean };

/** All cases are reported when it returns; with nowhere to send reports that is the end of their way. */
export async function openSite(patients: readonly SitePatient[]): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-site-'));
  const test = await createTestDatabase();
  const shared = serviceConfig(test);
  const config = { ...shared, locate: { ...shared.locate, model: LOCALISER } };
  const close = async () => {
    await test.close();
    await rm(dir, { recursive: true, force: true });
  };
  const service = await startService(config, quietLog, { agent: true, worker: true });
  try {
    const made: Site['patients'][number][] = [];
    for (const [number, { withoutCt, ...options }] of patients.entries()) {
      const dicom = join(dir, `dicom-${number}`);
      const unused = withoutCt ? { ct: UNUSED_CT } : {};
      const truth = await writePhantom({ ...COARSE, ...unused, ...options, outDir: dicom });
      if (!withoutCt) await send(join(dicom, 'ct'), service);
      await send(join(dicom, 'mr'), service);
      made.push({ truth, dicom, caseId: await reported(test, truth) });
    }
    return { config, database: test.database, dir, patients: made, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await service.close();
  }
}

/** An export with every control, under a key of its own. */
export function exportRequest(
  site: Pick<Site, 'dir'>,
  { outDir, ...changes }: Partial<ExportRequest> & Pick<ExportRequest, 'outDir'>,
): ExportRequest {
  return {
    outDir,
    keyFile: join(site.dir, 'secret.key'),
    regions: 'automatic',
    labels: 'ct',
    controls: 'all',
    perCase: 1,
    seed: 1,
    withAnswers: false,
    force: false,
    actor: 'user:test',
    ...changes,
  };
}

async function send(folder: string, { dicomPort }: RunningService): Promise<void> {
  const peer = { host: '127.0.0.1', port: dicomPort!, calledAe: 'CALCIDISC', callingAe: 'TEST' };
  const results = await storeFiles({ ...peer, files: dicomFilesIn(folder) });
  const refused = results.find(({ isStored }) => !isStored);
  if (refused) throw new Error(`not stored: ${refused.file}`);
}

async function reported({ database: { knex } }: TestDatabase, truth: PhantomTruth): Promise<string> {
  const find = () => knex('case').where({ mrStudyInstanceUid: truth.mr.studyInstanceUid }).first('*');
  const row = await until(
    async () => {
      const now = await find();
      if (now?.state === 'parked') throw new Error(`parked: ${now.lastError}`);
      return now?.state === 'reported' ? now : null;
    },
    90_000,
    find,
  );
  // What the tests assert rests on it: the localiser has the right to doubt a phantom, then take another seed.
  const doubted = await knex('localisation').where({ caseId: row.id }).whereNot({ status: 'located' });
  if (doubted.length === 0) return row.id;
  throw new Error(`${truth.patientId}: ${doubted[0].modality} ${doubted[0].reasons.join('; ')}`);
}
