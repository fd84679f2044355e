import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { exportAudit } from '../../db/tables/audit.js';
import { moveSyslogPlace, noteSyslogError, takeSyslogPlace } from '../../db/tables/auditSyslog.js';
import { syslogFrame } from './auditMessage.js';
import { repeat } from './repeat.js';

type Syslog = NonNullable<Config['audit']['syslog']>;

export interface SyslogParts {
  readonly config: Pick<Config, 'audit'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  /** Between looks for new rows, and after a failure. */
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;
const AT_ONCE = 200;
const CONNECT_MS = 10_000;

/**
 * Sends the trail on, row by row in its order, to a syslog server over TLS (RFC 5425): from its first row, over restarts, by
 * one process at a time. Syslog answers nothing: what was written to a connection that then broke may be lost there, and is
 * sent again only where the break was seen while it was written; seq in each message shows a gap.
 */
export function startSyslog({ config, database: { knex }, log, everyMs = EVERY_MS }: SyslogParts): {
  close(): Promise<void>;
} {
  const { syslog } = config.audit;
  if (!syslog) return { close: async () => undefined };
  let socket: TLSSocket | null = null;
  let isDown = false;
  let isClosed = false;

  async function round(): Promise<void> {
    for (let sent = AT_ONCE; sent === AT_ONCE && !isClosed; ) sent = await knex.transaction(some);
    if (isDown) log.info({ host: syslog!.host }, 'the audit trail goes on to syslog again');
    isDown = false;
  }

  async function some(trx: Parameters<typeof takeSyslogPlace>[0]): Promise<number> {
    const from = await takeSyslogPlace(trx);
    if (from === null) return 0;
    let [count, last] = [0, from];
    for await (const row of exportAudit(trx, { after: from, page: AT_ONCE })) {
      socket = socket?.writable ? socket : await open(syslog!);
      await write(socket, syslogFrame(row, syslog!.siteId));
      last = Number(row.seq);
      if (++count === AT_ONCE) break;
    }
    if (count > 0) await moveSyslogPlace(trx, last);
    return count;
  }

  async function failed(error: unknown): Promise<void> {
    socket?.destroy();
    socket = null;
    const { message } = error as Error;
    if (!isDown)
      log.warn({ host: syslog!.host, err: message }, 'the audit trail cannot be sent to syslog: later');
    isDown = true;
    await noteSyslogError(knex, message.slice(0, 300)).catch(() => undefined);
  }

  const rounds = repeat(() => round().catch(failed), everyMs);
  return {
    async close() {
      isClosed = true;
      await rounds.close();
      socket?.end();
    },
  };
}

/** @throws Error when it does not answer, or shows a certificate that is not believed */
async function open({ host, port, caFile, certFile, keyFile }: Syslog): Promise<TLSSocket> {
  const [ca, cert, key] = await Promise.all(
    [caFile, certFile, keyFile].map((file) => (file === undefined ? undefined : readFile(file))),
  );
  return new Promise((done, refuse) => {
    const socket = connect({
      host,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 && { servername: host }),
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
    });
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('error', refuse);
      // It says nothing: what comes is read away, so that its end is seen.
      socket.resume().on('error', () => undefined);
      done(socket);
    });
    socket.once('error', refuse);
  });
}

function write(socket: TLSSocket, frame: Buffer): Promise<void> {
  return new Promise((done, refuse) => {
    socket.write(frame, (error) => (error ? refuse(error) : done()));
  });
}
