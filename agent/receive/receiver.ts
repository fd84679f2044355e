import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.js';
import type { CommitmentResult } from '../dicom/commitment.js';
import { listenerTls } from '../dicom/dimse/tls.js';
import type { SopClassUse } from '../dicom/sopClasses.js';
import { CommitmentFiles } from './commitmentFiles.js';
import { DimseConnection } from './connection.js';
import { watchDisk } from './diskWatch.js';
import { AGENT_USES } from './policy.js';
import { bufferedReads, type PeerSocket, streamReads } from './socketReads.js';
import type { Spool } from './spool.js';
import type { Acceptance } from './storeSession.js';
import type { ReceiveEvents } from './types.js';

export interface ReceiverOptions {
  readonly dicom: Config['dicom'];
  readonly spool: Spool;
  readonly events: ReceiveEvents;
  readonly log: Logger;
  /** Of the log's lines, for a thread that writes them itself; default: json. */
  readonly logFormat?: Config['log']['format'];
  /** Asked before every object, beside the receiver's own watch over the disk; default: always. */
  readonly isAccepting?: () => Acceptance;
  /** What it takes, where that is not an agent's images: the demo's PACS takes reports too. */
  readonly uses?: readonly SopClassUse[];
}

export interface Receiver {
  readonly port: number;
  /** Whether an object that came now would be taken, and if not, why. */
  acceptance(): Acceptance;
  /** Resolves when everything that was acknowledged so far has been told. */
  flush(): Promise<void>;
  /** The result of a storage commitment, on the association that asked for it; false when that is gone. */
  reportCommitment(associationId: string, result: CommitmentResult): Promise<boolean>;
  /** Stops listening, lets running stores end, aborts what is still open. */
  close(): Promise<void>;
}

/** Connections beyond associations: those still negotiating, being rejected, or closing. */
const CONNECTIONS_PER_ASSOCIATION = 4;
const IDLE_CHECK_MS = 1_000;
const LONGEST_HANDSHAKE_MS = 30_000;

/**
 * Listens for associations and streams what they store into the spool (Storage SCP, Verification SCP).
 * @throws the server's error when the address cannot be listened on
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { dicom, log } = options;
  const disk = await watchDisk(options.spool, dicom.minFreeDiskMiB, log);
  const connections = new Set<DimseConnection>();
  const deps = {
    commitments: new CommitmentFiles(options.spool.dir),
    policy: { dicom, uses: options.uses ?? AGENT_USES },
    spool: options.spool,
    events: guarded(options.events, log),
    log,
    isAccepting: () => firstRefusal(disk.state(), options.isAccepting?.() ?? { ok: true }),
    openAssociations: (callingAe?: string) => {
      const open = [...connections].flatMap((each) => each.info ?? []);
      return callingAe === undefined
        ? open.length
        : open.filter((each) => each.callingAe === callingAe).length;
    },
  };
  const server = createListener(options, deps.events, (peer) => {
    connections.add(new DimseConnection(peer, deps, (closed) => connections.delete(closed)));
  });
  server.maxConnections = dicom.maxAssociations * CONNECTIONS_PER_ASSOCIATION;
  server.on('drop', (dropped) =>
    deps.events.refused({
      what: 'association',
      status: 'connection dropped',
      reason: `${server.maxConnections} connections are open, and no more are taken`,
      callingAe: '',
      remoteAddress: dropped?.remoteAddress ?? '',
    }),
  );
  await listen(server, dicom.host, dicom.port);
  const idleCheck = setInterval(
    () => {
      const now = Date.now();
      for (const connection of connections) connection.checkIdle(now);
    },
    Math.min(IDLE_CHECK_MS, dicom.idleTimeoutMs / 4),
  );
  const { port } = server.address() as AddressInfo;
  log.info({ host: dicom.host, port, aeTitle: dicom.aeTitle }, 'listening for DICOM');

  return {
    port,
    acceptance: deps.isAccepting,
    flush: async () => undefined,
    reportCommitment: async (associationId, result) => {
      const connection = [...connections].find((each) => each.id === associationId);
      return (await connection?.reportCommitment(result)) ?? false;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await Promise.all([...connections].map((each) => each.shutDown()));
      await closed;
      clearInterval(idleCheck);
      disk.close();
    },
  };
}

function createListener(
  { dicom, log }: ReceiverOptions,
  events: ReceiveEvents,
  onPeer: (peer: PeerSocket) => void,
): Server {
  if (!dicom.tls) return createServer({ pauseOnConnect: true }, (socket) => onPeer(bufferedReads(socket)));
  const handshakeTimeout = Math.min(dicom.idleTimeoutMs, LONGEST_HANDSHAKE_MS);
  const options = { ...listenerTls(dicom.tls), handshakeTimeout };
  const server = createTlsServer(options, (socket) => onPeer(streamReads(socket)));
  server.on('tlsClientError', (error, socket) => {
    const remoteAddress = socket.remoteAddress ?? '';
    log.warn({ err: error, remoteAddress }, 'TLS handshake failed');
    const reason = `TLS handshake failed: ${(error as NodeJS.ErrnoException).code ?? error.message}`;
    events.refused({ what: 'association', status: 'no association', reason, callingAe: '', remoteAddress });
  });
  return server;
}

function firstRefusal(...acceptances: readonly Acceptance[]): Acceptance {
  return acceptances.find((each) => !each.ok) ?? { ok: true };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** An error in what listens to us must not reach the association that told it something. */
function guarded(events: ReceiveEvents, log: Logger): ReceiveEvents {
  const guard =
    <A extends unknown[]>(tell: (...args: A) => void) =>
    (...args: A) => {
      try {
        tell(...args);
      } catch (error) {
        log.error({ err: error }, 'a listener of the receiver failed');
      }
    };
  return {
    associationOpened: guard((association) => events.associationOpened(association)),
    associationEnded: guard((ended) => events.associationEnded(ended)),
    stored: guard((file) => events.stored(file)),
    refused: guard((refusal) => events.refused(refusal)),
    commitmentRequested: guard((owed) => events.commitmentRequested?.(owed)),
    commitmentReported: guard((result, reportingAe) => events.commitmentReported?.(result, reportingAe)),
  };
}
