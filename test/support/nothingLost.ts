import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type CalcidiscProcess, startCalcidisc } from './calcidiscProcess.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { freePort } from './dcmtk.js';
import { fileOf, type SmallObject, smallObject } from './dicomObject.js';

export interface LossTrial {
  readonly instances: number;
  readonly associations: number;
  readonly kills: number;
  readonly pixelBytes: number;
  readonly onEvent?: (line: string) => void;
}

export interface LossFindings {
  readonly acknowledged: number;
  /** Times a sender's association broke or was refused, and it began again. */
  readonly retries: number;
  /** Acknowledged and not in the index. */
  readonly missing: readonly string[];
  /** In the index with another data set than was sent, or whose file is not byte for byte the one sent. */
  readonly different: readonly string[];
  /** Indexed and never sent: half objects. */
  readonly invented: readonly string[];
  /** Files in the store and in the spool, beyond one for each instance. */
  readonly surplusFiles: number;
  readonly setAside: number;
}

const BATCH = 25;
const SERIES_OBJECTS = 200;

/** Senders store, each over its own associations, while the agent is killed (-9) at random moments and restarted. */
export async function loseNothing(trial: LossTrial): Promise<LossFindings> {
  const test = await createTestDatabase();
  const port = await freePort();
  const config = {
    dataDir: test.config.dataDir,
    database: { url: test.config.database.url! },
    dicom: { port, minFreeDiskMiB: 0, maxAssociations: 2 * trial.associations },
    http: { port: 0 },
    log: { level: 'info' as const },
  };
  const agent = { now: await startCalcidisc('agent', config) };
  const restart = async () => {
    await agent.now.kill();
    agent.now = await startCalcidisc('agent', config);
  };
  try {
    const objects = objectsOf(trial);
    const progress: Progress = { acknowledged: 0 };
    const senders = shared(objects, trial.associations).map((share) => sendAll(share, port, progress));
    const sending = Promise.all(senders);
    await killAtRandom(trial, restart, progress);
    const retries = (await sending).reduce((sum, each) => sum + each, 0);
    trial.onEvent?.(`all ${objects.length} acknowledged, ${retries} associations broken`);
    await settled(test);
    return await findings(test, objects, retries);
  } finally {
    await stopQuietly(agent.now);
    await test.close();
  }
}

interface Progress {
  acknowledged: number;
}

/** By how much was acknowledged, not by the clock: on any machine senders are at work when the kill comes. */
async function killAtRandom(
  trial: LossTrial,
  restart: () => Promise<void>,
  progress: Progress,
): Promise<void> {
  const moments = Array.from({ length: trial.kills }, () => trial.instances * (0.05 + 0.7 * Math.random()));
  for (const [index, moment] of moments.toSorted((a, b) => a - b).entries()) {
    while (progress.acknowledged < moment) await new Promise((resolve) => setTimeout(resolve, 2));
    trial.onEvent?.(`kill -9 number ${index + 1} after ${progress.acknowledged} were acknowledged`);
    await restart();
  }
}

/** @returns how often it had to begin again */
async function sendAll(objects: readonly SmallObject[], port: number, progress: Progress): Promise<number> {
  const peer = {
    host: '127.0.0.1',
    port,
    calledAe: 'CALCIDISC',
    callingAe: 'SENDER',
    connectTimeoutMs: 2_000,
    onProgress: ({ isStored }: { readonly isStored: boolean }) => {
      if (isStored) progress.acknowledged += 1;
    },
  };
  let [left, retries] = [[...objects], 0];
  while (left.length > 0) {
    const batch = left.slice(0, BATCH);
    const results = await storeFiles({ ...peer, files: batch.map((each) => fileOf(each)) }).catch(() => []);
    const stored = new Set(results.filter((each) => each.isStored).map((each) => each.sopInstanceUid));
    left = left.filter((each) => !stored.has(each.sopInstanceUid));
    if (stored.size === batch.length) continue;
    retries += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return retries;
}

function objectsOf({ instances, pixelBytes }: LossTrial): SmallObject[] {
  const studyInstanceUid = newUid();
  const series = Array.from({ length: Math.ceil(instances / SERIES_OBJECTS) }, () => newUid());
  return Array.from({ length: instances }, (_, index) =>
    smallObject({ pixelBytes, studyInstanceUid, seriesInstanceUid: series[index % series.length]! }),
  );
}

function shared<T>(items: readonly T[], among: number): T[][] {
  return Array.from({ length: among }, (_, turn) => items.filter((_, index) => index % among === turn));
}

/** The index has caught up when nothing lies among the new files any more. */
async function settled({ config }: TestDatabase): Promise<void> {
  const fresh = join(config.dataDir, 'spool', 'new');
  for (let waited = 0; (await readdir(fresh)).length > 0; waited += 200) {
    if (waited > 300_000) throw new Error('the index did not catch up in five minutes');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function findings(
  { config, database }: TestDatabase,
  objects: readonly SmallObject[],
  retries: number,
): Promise<LossFindings> {
  const rows: { sopInstanceUid: string; datasetSha256: string; spoolPath: string }[] = await database
    .knex('instance')
    .select('sopInstanceUid', 'datasetSha256', 'spoolPath');
  const indexed = new Map(rows.map((row) => [row.sopInstanceUid, row]));
  const missing: string[] = [];
  const different: string[] = [];
  for (const { sopInstanceUid, dataset } of objects) {
    const row = indexed.get(sopInstanceUid);
    if (!row) missing.push(sopInstanceUid);
    else if (!(await isThatObject(join(config.dataDir, row.spoolPath), row.datasetSha256, dataset))) {
      different.push(sopInstanceUid);
    }
  }
  const sent = new Set(objects.map((each) => each.sopInstanceUid));
  const spool = join(config.dataDir, 'spool');
  const files = (await readdir(join(spool, 'store'), { recursive: true })).filter((name) =>
    name.endsWith('.dcm'),
  );
  return {
    acknowledged: objects.length,
    retries,
    missing,
    different,
    invented: rows.map((row) => row.sopInstanceUid).filter((uid) => !sent.has(uid)),
    surplusFiles: files.length - objects.length + (await readdir(join(spool, 'new'))).length,
    setAside: (await readdir(join(spool, 'aside'))).length,
  };
}

async function isThatObject(path: string, sha256: string, dataset: Buffer): Promise<boolean> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const offset = decodeFileMeta(bytes)?.datasetOffset;
  const expected = createHash('sha256').update(dataset).digest('hex');
  return offset !== undefined && bytes.subarray(offset).equals(dataset) && sha256 === expected;
}

async function stopQuietly(agent: CalcidiscProcess): Promise<void> {
  await agent.stop().catch(() => null);
}
