import type { Knex } from 'knex';
import type { Database } from '../../db/server/database.js';
import { until } from './until.js';

/**
 * Stops a process in the middle of a transaction, for as long as the test likes: a trigger waits for an advisory lock
 * that the test holds. The moment is the worst one: the work is done and nothing of it is committed.
 */
export interface Hold {
  /** Resolves when a transaction waits there. */
  reached(): Promise<void>;
  /** Ends the waiting transaction as its process's death would, and lets everybody else pass. */
  lift(): Promise<void>;
}

export interface HoldAt {
  readonly table: 'case' | 'series' | 'series_reading' | 'instance' | 'delivery';
  readonly on: 'INSERT' | 'UPDATE';
  /** SQL over OLD and NEW. */
  readonly when: string;
}

const HOLD_LOCK = 77_001;

export async function hold({ knex }: Database, { table, on, when }: HoldAt): Promise<Hold> {
  const trigger = `hold_${table}`;
  await knex.raw(`
    CREATE OR REPLACE FUNCTION ${trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock(${HOLD_LOCK});
      RETURN NEW;
    END $$;
    CREATE TRIGGER ${trigger} BEFORE ${on} ON "${table}" FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${trigger}();
  `);
  const holder = await knex.transaction();
  await holder.raw(`SELECT pg_advisory_xact_lock(${HOLD_LOCK})`);
  return {
    async reached() {
      await until(
        async () => (await waiting(knex)).length > 0,
        30_000,
        () => `nobody came to the hold on ${on} of ${table} when ${when}`,
      );
    },
    async lift() {
      for (const pid of await waiting(knex)) await knex.raw('SELECT pg_terminate_backend(?)', [pid]);
      await holder.rollback();
      await knex.raw(`DROP TRIGGER ${trigger} ON "${table}"`);
    },
  };
}

async function waiting(knex: Knex): Promise<number[]> {
  const { rows } = await knex.raw(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = ?
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [HOLD_LOCK],
  );
  return rows.map(({ pid }: { pid: number }) => pid);
}
