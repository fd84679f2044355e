import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, stopProcess, waitForPort } from './dcmtk.js';

export interface OrthancOptions {
  readonly aet?: string;
  /** Whom it can C-STORE, C-FIND and C-MOVE to: name -> [AE title, host, port]. */
  readonly modalities?: Readonly<Record<string, readonly [aet: string, host: string, port: number]>>;
  /** More of Orthanc's own configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Absolute paths of Lua scripts. */
  readonly luaScripts?: readonly string[];
  /** Debian's plug-in orthanc-dicomweb, under /dicom-web. */
  readonly dicomWeb?: boolean;
  /** DCMTK inside Orthanc keeps Nagle's algorithm on unless told otherwise; off here unless asked for. */
  readonly isNagleOn?: boolean;
}

export interface RunningOrthanc {
  readonly aet: string;
  readonly dicomPort: number;
  readonly httpPort: number;
  readonly pid: number;
  /** GET of its REST interface, as JSON. */
  rest<T = unknown>(path: string): Promise<T>;
  /** POST of its REST interface: an object goes as JSON, text (Lua, ids) and bytes (a DICOM file) as they are. */
  post<T = unknown>(path: string, body: unknown): Promise<T>;
  /** DELETE of a resource. */
  remove(path: string): Promise<void>;
  /** The bytes of a resource, for example /instances/<id>/file. */
  bytes(path: string): Promise<Buffer>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** A real Orthanc in a temporary folder: no plug-ins, its own SQLite index, loopback REST without a password. */
export async function startOrthanc(options: OrthancOptions = {}): Promise<RunningOrthanc> {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-orthanc-'));
  const [dicomPort, httpPort] = [await freePort(), await freePort()];
  const aet = options.aet ?? 'ORTHANC';
  const configurationFile = join(dir, 'orthanc.json');
  const logFile = join(dir, 'orthanc.log');
  await writeFile(
    configurationFile,
    JSON.stringify(configurationOf(options, { dir, dicomPort, httpPort, aet })),
  );
  const env = { ...process.env, TCP_NODELAY: options.isNagleOn ? '0' : '1' };
  const child = spawn('Orthanc', [`--logfile=${logFile}`, configurationFile], { stdio: 'ignore', env });
  await waitForPort(httpPort, child);
  await waitForPort(dicomPort, child);

  const request = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, init);
    if (!response.ok)
      throw new Error(`Orthanc answers ${response.status} to ${init.method ?? 'GET'} ${path}`);
    return response;
  };
  return {
    aet,
    dicomPort,
    httpPort,
    pid: child.pid!,
    rest: async <T>(path: string) => (await (await request(path)).json()) as T,
    post: async <T>(path: string, body: unknown) =>
      (await (await request(path, { method: 'POST', body: bodyOf(body) })).json()) as T,
    remove: async (path) => void (await request(path, { method: 'DELETE' })),
    bytes: async (path) => Buffer.from(await (await request(path)).arrayBuffer()),
    log: () => readFile(logFile, 'utf8'),
    stop: async () => {
      await stopProcess(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function configurationOf(
  options: OrthancOptions,
  here: { readonly dir: string; readonly dicomPort: number; readonly httpPort: number; readonly aet: string },
): Record<string, unknown> {
  return {
    Name: 'calcidisc-test',
    StorageDirectory: join(here.dir, 'storage'),
    IndexDirectory: join(here.dir, 'index'),
    Plugins: options.dicomWeb ? ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'] : [],
    LuaScripts: options.luaScripts ?? [],
    DicomAet: here.aet,
    DicomPort: here.dicomPort,
    DicomCheckCalledAet: false,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    DicomAlwaysAllowMove: true,
    HttpPort: here.httpPort,
    HttpServerEnabled: true,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    HttpDescribeErrors: true,
    StableAge: 1,
    DicomModalities: Object.fromEntries(
      Object.entries(options.modalities ?? {}).map(([name, [aet, host, port]]) => [
        name,
        { AET: aet, Host: host, Port: port },
      ]),
    ),
    ...options.configuration,
  };
}
