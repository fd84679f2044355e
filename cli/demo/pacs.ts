import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { startReceiver } from '../../agent/receive/receiver.js';
import { openSpool } from '../../agent/receive/spool.js';
import { parseConfig } from '../../config/load.js';
import type { Logger } from '../../config/log.js';

/** The PACS of the demo: Orthanc where it is installed, else a Storage SCP of our own that keeps what it is sent. */
export interface DemoPacs {
  readonly name: string;
  readonly aeTitle: string;
  readonly port: number;
  /** Where a person can look at it; null for the built-in one. */
  readonly page: string | null;
  /** The report as the PACS has it; null while it has none. */
  findReport(sopInstanceUid: string): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

export function openDemoPacs(dir: string, log: Logger): Promise<DemoPacs> {
  mkdirSync(dir, { recursive: true });
  const hasOrthanc = spawnSync('Orthanc', ['--version'], { stdio: 'ignore' }).error === undefined;
  return hasOrthanc ? startOrthanc(dir) : startBuiltIn(dir, log);
}

async function startOrthanc(dir: string): Promise<DemoPacs> {
  const [port, httpPort] = [await freePort(), await freePort()];
  const configuration = join(dir, 'orthanc.json');
  writeFileSync(
    configuration,
    JSON.stringify({
      Name: 'Calcidisc demo PACS',
      StorageDirectory: join(dir, 'storage'),
      IndexDirectory: join(dir, 'storage'),
      Plugins: [],
      DicomAet: 'ORTHANC',
      DicomPort: port,
      DicomAlwaysAllowStore: true,
      HttpPort: httpPort,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
    }),
  );
  const child = spawn('Orthanc', [`--logfile=${join(dir, 'orthanc.log')}`, configuration], {
    stdio: 'ignore',
  });
  await Promise.all([untilListening(port), untilListening(httpPort)]);
  const base = `http://127.0.0.1:${httpPort}`;
  return {
    name: 'Orthanc',
    aeTitle: 'ORTHANC',
    port,
    page: `${base}/app/explorer.html`,
    async findReport(sopInstanceUid) {
      const found = await fetch(`${base}/tools/lookup`, { method: 'POST', body: sopInstanceUid });
      const [instance] = (await found.json()) as { ID: string; Type: string }[];
      if (!instance) return null;
      const file = await fetch(`${base}/instances/${instance.ID}/file`);
      return new Uint8Array(await file.arrayBuffer());
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

async function startBuiltIn(dir: string, log: Logger): Promise<DemoPacs> {
  const { dicom } = parseConfig({ dicom: { aeTitle: 'DEMOPACS', port: 0 } });
  const spool = await openSpool({ dir: join(dir, 'objects'), log });
  const paths = new Map<string, string>();
  const receiver = await startReceiver({
    dicom,
    spool,
    uses: ['verification', 'image', 'report'],
    events: {
      associationOpened: () => undefined,
      associationEnded: () => undefined,
      stored: ({ sopInstanceUid, path }) => void paths.set(sopInstanceUid, path),
      refused: ({ reason }) => log.warn({ reason }, 'the demo PACS refused'),
    },
    log,
  });
  return {
    name: 'a small built-in PACS (apt-get install orthanc for a real one)',
    aeTitle: 'DEMOPACS',
    port: receiver.port,
    page: null,
    findReport: async (sopInstanceUid) => {
      const path = paths.get(sopInstanceUid);
      return path ? new Uint8Array(readFileSync(path)) : null;
    },
    close: () => receiver.close(),
  };
}

export function dicomFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dcm'))
    .sort()
    .map((name) => join(folder, name));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

async function untilListening(port: number, limitMs = 20_000): Promise<void> {
  const until = Date.now() + limitMs;
  while (!(await isListening(port))) {
    if (Date.now() > until) throw new Error(`Orthanc did not open port ${port} within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
