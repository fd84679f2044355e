import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { echo } from '../../agent/deliver/scu.js';
import { offersCommitment } from '../../agent/dicom/dimse/commitment.js';
import { peerOf } from '../../agent/dicom/dimse/peer.js';
import { asCalcidiscError } from '../../agent/domain/errors.js';
import { createLogger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { verifyAudit } from '../../db/tables/audit.js';
import type { Finding } from './finding.js';
import { checkModels } from './models.js';
import { pingRedis } from './redis.js';

const MIB_PER_BYTE = 1 / (1 << 20);
const ECHO_TIMEOUT_MS = 5_000;

/** Everything `calcidisc up` needs and everybody it talks to, each looked at for itself. */
export async function examine(config: Config): Promise<Finding[]> {
  const dataFolder = await checkDataFolder(config);
  const rest = await Promise.all([
    checkListener(config),
    checkPage(config),
    dataFolder.verdict === 'failed' && !config.database.url
      ? [{ what: 'database', verdict: 'failed' as const, detail: 'not tried without a data folder' }]
      : checkDatabase(config),
    ...(config.queue.redisUrl ? [pingRedis(config.queue.redisUrl)] : []),
    checkModels(),
    ...config.route.destinations.map((each) => checkPeer('destination', each, config)),
    ...(config.route.destinations.length > 0 ? [] : [NO_DESTINATION]),
    ...config.query.sources.map((each) => checkPeer('query source', each, config)),
  ]);
  return [dataFolder, ...rest.flat()];
}

const NO_DESTINATION: Finding = {
  what: 'destinations',
  verdict: 'warning',
  detail: 'none is configured: reports are kept, not sent',
  advice: 'name your PACS under route.destinations (config/example.json)',
};

async function checkDataFolder({ dataDir, dicom }: Config): Promise<Finding> {
  const what = 'data folder';
  const path = resolve(dataDir);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
    const { bavail, bsize } = await statfs(path);
    const freeMiB = Math.floor(bavail * bsize * MIB_PER_BYTE);
    const detail = `${path}, ${freeMiB} MiB free`;
    if (freeMiB >= dicom.minFreeDiskMiB) return { what, verdict: 'ok', detail };
    const advice = `objects are refused (A700) below ${dicom.minFreeDiskMiB} MiB: make room`;
    return { what, verdict: 'failed', detail, advice };
  } catch (error) {
    const advice = 'make it writable for this account, or set dataDir (CALCIDISC_DATA)';
    return { what, verdict: 'failed', detail: (error as Error).message, advice };
  }
}

/** Either nobody listens and we could, or the one who does is ourselves. */
async function checkListener({ dicom }: Config): Promise<Finding> {
  const what = `DICOM listener ${dicom.host}:${dicom.port}`;
  const problem = await cannotListen(dicom.host, dicom.port);
  if (problem === null) return { what, verdict: 'ok', detail: 'the port is free: not running' };
  if (problem !== 'EADDRINUSE') {
    const advice = 'set dicom.host to an address of this machine, dicom.port to one this account may use';
    return { what, verdict: 'failed', detail: problem, advice };
  }
  const host = ['0.0.0.0', '::'].includes(dicom.host) ? '127.0.0.1' : dicom.host;
  const us = { host, port: dicom.port, calledAe: dicom.aeTitle, callingAe: dicom.aeTitle, tls: dicom.tls };
  try {
    await echo({ ...us, answerTimeoutMs: ECHO_TIMEOUT_MS });
    return { what, verdict: 'ok', detail: `running: ${dicom.aeTitle} answers C-ECHO` };
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    // It is DICOM and turns our own title away, as an allow list without us in it does.
    if (code !== 'DESTINATION_UNREACHABLE') return { what, verdict: 'ok', detail: `running: ${message}` };
    return {
      what,
      verdict: 'failed',
      detail: `taken by something else: ${message}`,
      advice: 'set dicom.port',
    };
  }
}

async function checkPage({ http }: Config): Promise<Finding> {
  const what = `page http://${http.host}:${http.port}`;
  const problem = await cannotListen(http.host, http.port);
  if (problem === null) return { what, verdict: 'ok', detail: 'the port is free: not running' };
  if (problem === 'EADDRINUSE')
    return { what, verdict: 'ok', detail: 'in use, by us if the agent is running' };
  return { what, verdict: 'failed', detail: problem, advice: 'set http.host and http.port' };
}

async function checkDatabase(config: Config): Promise<Finding[]> {
  const what = config.database.url ? 'database' : 'embedded database';
  try {
    const database = await openDatabase(config, createLogger({ log: { level: 'silent' } }), {
      migrate: false,
    });
    try {
      const { rows } = await database.knex.raw('SHOW server_version');
      const found: Finding = {
        what,
        verdict: 'ok',
        detail: `PostgreSQL ${rows[0].server_version ?? rows[0].serverVersion}`.trim(),
      };
      return (await database.knex.schema.hasTable('case')) ? [found, await checkTrail(database)] : [found];
    } finally {
      await database.close();
    }
  } catch (thrown) {
    const advice = config.database.url
      ? 'check DATABASE_URL (database.url): host, port, account, that the server lets this machine in'
      : 'see the log under the data folder (postgres/)';
    return [{ what, verdict: 'failed', detail: asCalcidiscError(thrown).message, advice }];
  }
}

async function checkTrail({ knex }: Pick<Database, 'knex'>): Promise<Finding> {
  const what = 'audit trail';
  const verdict = await verifyAudit(knex);
  if (verdict.ok) return { what, verdict: 'ok', detail: `${verdict.rows} events, the chain is whole` };
  const detail = `event ${verdict.seq}: ${verdict.problem}`;
  return {
    what,
    verdict: 'failed',
    detail,
    advice: 'compare with an exported head (calcidisc audit verify)',
  };
}

type Peer = Config['query']['sources'][number] | Config['route']['destinations'][number];

async function checkPeer(kind: string, asked: Peer, { dicom }: Config): Promise<Finding> {
  const { name, host, port, aeTitle } = asked;
  const what = `${kind} ${name}`;
  const peer = peerOf(asked, { dicom });
  try {
    const { elapsedMs } = await echo({ ...peer, answerTimeoutMs: ECHO_TIMEOUT_MS });
    const detail = `${aeTitle} at ${host}:${port} answers in ${Math.round(elapsedMs)} ms`;
    if (!('commitment' in asked && asked.commitment)) return { what, verdict: 'ok', detail };
    if (await offersCommitment({ ...peer, answerTimeoutMs: ECHO_TIMEOUT_MS }))
      return { what, verdict: 'ok', detail: `${detail}, and offers storage commitment` };
    const advice = 'switch commitment off for this destination, or on in the PACS';
    return { what, verdict: 'failed', detail: `${detail}, but offers no storage commitment`, advice };
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    const advice =
      code === 'DESTINATION_UNREACHABLE'
        ? 'is it running, is host and port right, is a firewall between?'
        : `it has to know ${dicom.aeTitle} as a calling AE title`;
    return { what, verdict: 'failed', detail: message, advice };
  }
}

/** @returns the error's code, or null when it could be listened on */
function cannotListen(host: string, port: number): Promise<string | null> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => done(null)));
  });
}
