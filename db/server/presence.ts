import { randomInt } from 'node:crypto';
import pg from 'pg';
import type { Logger } from '../../config/log.js';
import { NOTICE_GONE_HOSTS, type Tx } from './knex.js';

/**
 * Who is alive, said by PostgreSQL: every process holds a session advisory lock (PRESENCE_LOCK, its own number) on a
 * connection of its own. A step of a case carries its process's number, and is due again as soon as nobody holds
 * that lock. The lock goes with the connection, and the connection with the process, also on kill -9: there is no
 * heartbeat to write, no clock to compare and no time-out to wait for. A host that lost its power is found by TCP
 * keep-alive. A connection that dropped while its process lived on is opened again; a step that somebody else has
 * begun meanwhile is done twice and counted once (moveCase). It needs real sessions: no transaction-mode pooler.
 */
export const PRESENCE_LOCK = 1_128_354_883;

/** This process, for as long as it lives. */
export const processOwner: number = randomInt(1, 2 ** 31 - 1);

const RECONNECT_MS = 500;

export interface Presence {
  /**
   * Holds something that only one process may have at a time, for as long as this one lives.
   * @returns false while another one has it
   */
  claim(id: number): Promise<boolean>;
  close(): Promise<void>;
}

/** The first number of the locks that claims are. */
const CLAIM_LOCK = 1_128_354_884;

/** @throws the driver's error when the first connection fails */
export async function announcePresence(url: string, log: Logger): Promise<Presence> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const claims = new Set<number>();
  let client = await connect();

  async function connect(): Promise<pg.Client> {
    const fresh = clientOf(url);
    fresh.on('error', (error) => log.debug({ err: error }, 'presence connection'));
    try {
      await fresh.connect();
      await fresh.query(NOTICE_GONE_HOSTS);
      // Shared: two handles of one process in one database (tests) are one owner.
      await fresh.query('SELECT pg_advisory_lock_shared($1::integer, $2::integer)', [
        PRESENCE_LOCK,
        processOwner,
      ]);
      for (const id of claims)
        if (!(await tryClaim(fresh, id))) log.error({ id }, 'another process has taken what is ours');
    } catch (error) {
      await fresh.end().catch(() => undefined);
      throw error;
    }
    fresh.once('end', reconnect);
    return fresh;
  }

  function reconnect(): void {
    if (closed) return;
    timer = setTimeout(() => {
      connect()
        .then(async (fresh) => {
          client = fresh;
          if (closed) await fresh.end();
          else log.info('the database answers again');
        })
        .catch(reconnect);
    }, RECONNECT_MS);
    timer.unref();
  }

  return {
    async claim(id) {
      if (!(await tryClaim(client, id))) return false;
      claims.add(id);
      return true;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await client.end().catch(() => undefined);
    },
  };
}

function clientOf(url: string): pg.Client {
  return new pg.Client({
    connectionString: url,
    application_name: 'calcidisc presence',
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    connectionTimeoutMillis: 10_000,
  });
}

async function tryClaim(client: pg.Client, id: number): Promise<boolean> {
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1::integer, $2::integer) AS held', [
    CLAIM_LOCK,
    id,
  ]);
  return rows[0].held;
}

/** Whether a process lives that has claimed something: every agent has its spool. */
export async function isAnyClaimHeld(tx: Tx): Promise<boolean> {
  const { rows } = await tx.raw(
    `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                     WHERE l.locktype = 'advisory' AND l.classid = ? AND l.granted) AS is_held`,
    [CLAIM_LOCK],
  );
  return rows[0].isHeld;
}
