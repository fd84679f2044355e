import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { newUid } from '../../agent/dicom/uid.js';
import { readSeries } from '../../agent/locate/series.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { type Elements, writePart10 } from '../dicom/writePart10.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { drawnOf, writeSingles } from '../support/encoded.js';
import { type OrthancOptions, type RunningOrthanc, startOrthanc } from '../support/orthanc.js';

/** A PACS that knows us, and our agent, on a database of its own. */
export interface Site {
  readonly orthanc: RunningOrthanc;
  readonly test: TestDatabase;
  readonly port: number;
  start(query?: ConfigInput['query']): Promise<RunningAgent>;
  /** Waits for the agent to be gone. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export function sourceOf(orthanc: RunningOrthanc, port = orthanc.dicomPort) {
  return { name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port };
}

export async function openSite(options: OrthancOptions = {}): Promise<Site> {
  const port = await freePort();
  const orthanc = await startOrthanc({
    modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] },
    ...options,
  });
  const test = await createTestDatabase();
  let agent: RunningAgent | undefined;
  let queues: Queues | undefined;
  const stop = async () => {
    await agent?.close();
    await queues?.close();
    agent = queues = undefined;
  };
  return {
    orthanc,
    test,
    port,
    stop,
    async start(query = {}) {
      const { dataDir, database } = test.config;
      const config = parseConfig({
        dataDir,
        database: { url: database.url! },
        queue: { sweepMs: 500 },
        dicom: { port },
        // Nothing but a count or a released stack completes a series here.
        assemble: { quietPeriodMs: 600_000, studyQuietMs: 1_500 },
        query: { sources: [sourceOf(orthanc)], recountMs: 200, ...query },
      });
      queues = await openQueues(config, test.database, quietLog);
      agent = await startAgent({ config, database: test.database, queues, log: quietLog });
      return agent;
    },
    async close() {
      await stop();
      await test.close();
      await orthanc.stop();
    },
  };
}

export interface Invented {
  readonly modality: 'MR' | 'CT';
  readonly patientId: string;
  readonly date: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly files: readonly Uint8Array[];
}

const CLASSES = { MR: '1.2.840.10008.5.1.4.1.1.4', CT: '1.2.840.10008.5.1.4.1.1.2' };
const PLANES = { MR: '0\\1\\0\\0\\0\\-1', CT: '1\\0\\0\\0\\1\\0' };

/** A lumbar series of a few slices without pixels: the routing rules take it for an MR, or a CT, to be read. */
export function invent(
  modality: 'MR' | 'CT',
  patientId: string,
  date: string,
  over: Elements = {},
): Invented {
  const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
  const files = [1, 2, 3, 4, 5, 6].map((index) =>
    writePart10({
      SOPClassUID: CLASSES[modality],
      SOPInstanceUID: newUid(),
      StudyInstanceUID: studyInstanceUid,
      SeriesInstanceUID: seriesInstanceUid,
      ...headerOf(modality, patientId, date),
      InstanceNumber: String(index),
      ImageOrientationPatient: PLANES[modality],
      ImagePositionPatient: modality === 'MR' ? `${index * 4}\\0\\0` : `0\\0\\${index}`,
      ...over,
    }),
  );
  return { modality, patientId, date, studyInstanceUid, seriesInstanceUid, files };
}

/** Draws a spine once; then series of it under any name, which can be read: a case chooses among series that were. */
export async function drawing() {
  const folder = await mkdtemp(join(tmpdir(), 'calcidisc-drawn-'));
  await writePhantom({
    outDir: folder,
    seed: 11,
    mr: { slices: 9, matrix: 256 },
    ct: { spacingMm: 1.5, sliceMm: 3, fieldOfViewMm: 180 },
  });
  const imagesOf = async (modality: 'mr' | 'ct') =>
    (await readSeries(dicomFilesIn(join(folder, modality)))).images.map(drawnOf);
  const images = { MR: await imagesOf('mr'), CT: await imagesOf('ct') };
  return {
    async draw(
      modality: 'MR' | 'CT',
      patientId: string,
      date: string,
      over: Elements = {},
    ): Promise<Invented> {
      const { StudyInstanceUID: given } = over;
      const [studyInstanceUid, seriesInstanceUid] = [typeof given === 'string' ? given : newUid(), newUid()];
      const about = { ...headerOf(modality, patientId, date), ...over };
      const encoding = { slope: 1, intercept: modality === 'CT' ? -1024 : 0 };
      const paths = await writeSingles(folder, modality, images[modality], encoding, () => ({
        ...about,
        SOPInstanceUID: newUid(),
        StudyInstanceUID: studyInstanceUid,
        SeriesInstanceUID: seriesInstanceUid,
      }));
      const files = await Promise.all(paths.map((path) => readFile(path)));
      return { modality, patientId, date, studyInstanceUid, seriesInstanceUid, files };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

function headerOf(modality: 'MR' | 'CT', patientId: string, date: string): Elements {
  return {
    Modality: modality,
    PatientID: patientId,
    PatientName: 'DOE^JANE',
    PatientBirthDate: '19600101',
    StudyDate: date,
    AcquisitionDate: date,
    BodyPartExamined: 'LSPINE',
    SeriesDescription: modality === 'MR' ? 't2_tse_sag' : 'LWS',
    ScanningSequence: 'SE',
    EchoTime: '100',
    RepetitionTime: '3500',
  };
}

export async function keepIn(orthanc: RunningOrthanc, ...all: readonly Invented[]): Promise<void> {
  for (const { files } of all) for (const file of files) await orthanc.post('/instances', file);
}

/** Sent to our agent by a scanner. */
export async function scan({ files }: Invented, port: number): Promise<void> {
  const peer = { host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'SCANNER' };
  const results = await storeFiles({ ...peer, files: [...files] });
  const failed = results.find(({ isStored }) => !isStored);
  if (failed) throw new Error(`not stored: ${failed.error?.message}`);
}

/** As files of a temporary folder, for DCMTK. */
export async function withFiles<T>(
  { files }: Invented,
  work: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-query-'));
  try {
    const paths = files.map((_, i) => join(dir, `${i}.dcm`));
    await Promise.all(files.map((file, i) => writeFile(paths[i]!, file)));
    return await work(paths);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A line to the PACS that can be silent: connections are taken, and nothing comes, until it is let through. */
export async function gateTo(target: number) {
  let isOpen = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (!isOpen) return void socket.resume();
    const onward = connect(target, '127.0.0.1');
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** How many have called so far. */
    callers: () => sockets.size,
    open() {
      isOpen = true;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
