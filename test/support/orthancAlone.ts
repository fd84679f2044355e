import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { newUid } from '../../agent/dicom/uid.js';
import { startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import type { Tx } from '../../db/server/knex.js';
import { drawing, type Invented, invent } from '../query/site.js';
import { createTestDatabase, quietLog } from './database.js';
import { freePort } from './dcmtk.js';
import { startOrthanc } from './orthanc.js';
import { serviceConfig } from './service.js';
import { until } from './until.js';

export interface LoopOptions {
  readonly studies: number;
  /** So many studies are under way at once. */
  readonly atOnce: number;
  /** For a case to be delivered, and after the last one until nothing may have moved. */
  readonly patienceMs: number;
  readonly quietMs: number;
  onEvent?(line: string): void;
}

/** What became of studies that a modality sent to an Orthanc with our script alone. */
export interface LoopOutcome {
  readonly studies: number;
  readonly series: number;
  readonly delivered: number;
  readonly flagged: number;
  /** From the case being delivered to its flag in Orthanc's metadata, seconds, looked at every 100 ms. */
  readonly longestFlagSeconds: number;
  /** Reports or pictures of ours that were sent back to us. */
  readonly cameRound: number;
  /** Images that came to us more than once. */
  readonly twice: number;
  /** Cases that were read again. */
  readonly revised: number;
  /** Reports in Orthanc beyond one SR and one picture a study. */
  readonly surplus: number;
  /** What moved in Orthanc or here after the last study was done. */
  readonly movedLater: number;
}

const FLAG = '4410';

/** Sends studies of three series each (two sagittal ones that are read, one axial one that is not) and watches. */
export async function runLoop(options: LoopOptions): Promise<LoopOutcome> {
  const port = await freePort();
  const orthanc = await startOrthanc({
    modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] },
    luaScripts: [join(projectRoot, 'config/orthanc/calcidisc.lua')],
  });
  const test = await createTestDatabase();
  const spine = await drawing();
  const pacs = { name: 'orthanc', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort };
  const config = serviceConfig(test, { dicom: { port }, route: { destinations: [pacs] } });
  const service = await startService(config, quietLog, { agent: true, worker: true });
  const { knex } = test.database;
  const tell = options.onEvent ?? (() => undefined);

  async function flagOf(studyInstanceUid: string): Promise<string | undefined> {
    const [found] = await orthanc.post<{ ID: string }[]>('/tools/lookup', studyInstanceUid);
    if (!found) return undefined;
    return (await orthanc.rest<Record<string, string>>(`/studies/${found.ID}/metadata?numeric&expand`))[FLAG];
  }

  // One after the other: all are written to the same files.
  let drawn: Promise<unknown> = Promise.resolve();
  const draw: typeof spine.draw = (...wanted) => {
    const next = drawn.then(() => spine.draw(...wanted));
    drawn = next.catch(() => undefined);
    return next;
  };

  async function one(index: number): Promise<number> {
    const studyInstanceUid = newUid();
    const patient = `LOOP${index}`;
    const over = { StudyInstanceUID: studyInstanceUid };
    const series = [
      await draw('MR', patient, '20260110', { ...over, SeriesNumber: '1' }),
      await draw('MR', patient, '20260110', {
        ...over,
        SeriesNumber: '2',
        SeriesDescription: 't2_tse_sag_rpt',
      }),
      invent('MR', patient, '20260110', {
        ...over,
        SeriesNumber: '3',
        ImageOrientationPatient: '1\\0\\0\\0\\1\\0',
      }),
    ];
    for (const each of series) await sendTo(orthanc.dicomPort, each);
    await until(
      async () => (await caseOf(knex, studyInstanceUid))?.state === 'delivered',
      options.patienceMs,
    );
    const delivered = performance.now();
    await until(async () => (await flagOf(studyInstanceUid)) !== undefined, options.patienceMs);
    const seconds = (performance.now() - delivered) / 1000;
    tell(`study ${index + 1}: delivered, flag after ${seconds.toFixed(1)} s`);
    return seconds;
  }

  try {
    const waited: number[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: options.atOnce }, async () => {
        while (next < options.studies) waited.push(await one(next++));
      }),
    );
    const before = await stateOf(knex, orthanc);
    await new Promise((resolve) => setTimeout(resolve, options.quietMs));
    const after = await stateOf(knex, orthanc);
    const studies = await orthanc.rest<string[]>('/studies');
    const metadata = await Promise.all(
      studies.map((id) => orthanc.rest<Record<string, string>>(`/studies/${id}/metadata?numeric&expand`)),
    );
    const counted = async (table: string, where: string) =>
      Number((await knex(table).whereRaw(where).count('* as n'))[0]!.n);
    return {
      studies: options.studies,
      series: 3 * options.studies,
      delivered: await counted('case', "state = 'delivered'"),
      flagged: metadata.filter((each) => each[FLAG] !== undefined).length,
      longestFlagSeconds: Math.max(...waited),
      cameRound: await counted('unread_object', 'true'),
      twice: await counted('instance', 'duplicates > 0'),
      revised: await counted('case', 'revision > 1'),
      surplus: after.ours - 2 * options.studies,
      movedLater: JSON.stringify(before) === JSON.stringify(after) ? 0 : 1,
    };
  } finally {
    await service.close();
    await orthanc.stop();
    await test.close();
    await spine.close();
  }
}

async function sendTo(port: number, { files }: Invented): Promise<void> {
  const peer = { host: '127.0.0.1', port, calledAe: 'ORTHANC', callingAe: 'MR1' };
  const failed = (await storeFiles({ ...peer, files: [...files] })).find(({ isStored }) => !isStored);
  if (failed) throw new Error(`not stored: ${failed.error?.message}`);
}

async function caseOf(knex: Tx, mrStudyInstanceUid: string): Promise<{ state: string } | undefined> {
  return knex('case').where({ mrStudyInstanceUid }).first('state');
}

/** What would change if anything went round: objects there, objects, reports and deliveries here. */
async function stateOf(knex: Tx, orthanc: { rest<T>(path: string): Promise<T> }) {
  const series =
    await orthanc.rest<{ MainDicomTags: { Modality?: string }; Instances: string[] }[]>('/series?expand');
  const ours = series
    .filter(({ MainDicomTags }) => !['MR', 'CT'].includes(MainDicomTags.Modality ?? ''))
    .reduce((sum, { Instances }) => sum + Instances.length, 0);
  const all = series.reduce((sum, { Instances }) => sum + Instances.length, 0);
  const [{ n: reports }] = (await knex('report').count('* as n')) as [{ n: string }];
  const [{ n: instances, duplicates }] = (await knex('instance').select(
    knex.raw('count(*) AS n, sum(duplicates) AS duplicates'),
  )) as [{ n: string; duplicates: string }];
  return { ours, all, reports, instances, duplicates };
}
