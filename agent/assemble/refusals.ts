import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { type AuditEvent, appendAudits } from '../../db/tables/audit.js';
import { addRefusals, type NewRefusal } from '../../db/tables/refusals.js';
import type { Refusal } from '../receive/types.js';

export interface Refusals {
  /** Returns at once: the sender has its answer, and does not wait for the database. */
  refused(refusal: Refusal): void;
  /** Writes what is not written yet, if the database is there. */
  close(): Promise<void>;
}

interface Counted {
  readonly row: NewRefusal;
  readonly events: readonly AuditEvent[];
}

const WRITE_MS = 500;
/** With the database away for so many kinds the trail loses the rest; the log has had a line of each kind. */
const MOST_EVENTS = 10_000;

/**
 * Nothing is refused in silence: every refused association, presentation context and object is counted by sender,
 * class and status (doctor and metrics read that), has one line in the log for each kind, and stands on the trail: an
 * association (a security alert, PS3.15 A.5.3) and an object each time, a context when its kind is new.
 */
export function startRefusals({
  database,
  log,
}: {
  database: Pick<Database, 'knex'>;
  log: Logger;
}): Refusals {
  const waiting = new Map<string, Counted>();
  const logged = new Set<string>();
  let events = 0;
  let writing: Promise<void> | null = null;

  async function write(): Promise<void> {
    if (waiting.size === 0) return;
    const batch = [...waiting.values()];
    waiting.clear();
    try {
      await writeDown(database, batch);
      events = 0;
    } catch (error) {
      log.warn({ err: error }, 'refusals cannot be written down: trying again');
      for (const { row, events: kept } of batch) add(row, kept);
    }
  }

  function add(row: NewRefusal, more: readonly AuditEvent[]): void {
    const key = keyOf(row);
    const known = waiting.get(key);
    const count = row.count + (known?.row.count ?? 0);
    waiting.set(key, { row: { ...row, count }, events: [...(known?.events ?? []), ...more] });
  }

  const timer = setInterval(() => {
    writing ??= write().finally(() => {
      writing = null;
    });
  }, WRITE_MS);

  return {
    refused(refusal) {
      const row = toRow(refusal);
      const isNew = !logged.has(keyOf(row));
      logged.add(keyOf(row));
      log[isNew ? 'warn' : 'debug'](refusal, `${refusal.what} refused`);
      const isOnTrail = refusal.what !== 'context' && events < MOST_EVENTS;
      if (isOnTrail) events += 1;
      add(row, isOnTrail ? [auditOf(refusal)] : []);
    },
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

async function writeDown({ knex }: Pick<Database, 'knex'>, batch: readonly Counted[]): Promise<void> {
  await knex.transaction(async (trx) => {
    const isNew = await addRefusals(
      trx,
      batch.map(({ row }) => row),
    );
    const contexts = batch.filter(({ row }, i) => row.what === 'context' && isNew[i]);
    await appendAudits(trx, [
      ...batch.flatMap(({ events }) => events),
      ...contexts.map(({ row }) => contextEvent(row)),
    ]);
  });
}

function toRow({ what, callingAe, sopClassUid = '', status, reason, remoteAddress }: Refusal): NewRefusal {
  return { what, callingAe, sopClassUid, status, reason, remoteAddress, count: 1 };
}

function keyOf({ what, callingAe, sopClassUid, status }: NewRefusal): string {
  return JSON.stringify([what, callingAe, sopClassUid, status]);
}

function auditOf({ what, status, reason, callingAe, remoteAddress, sopInstanceUid }: Refusal): AuditEvent {
  const isAssociation = what === 'association';
  return {
    event: isAssociation ? 'ASSOCIATION_REFUSED' : 'OBJECT_REFUSED',
    subjectType: isAssociation ? 'association' : 'instance',
    subjectId: sopInstanceUid ?? remoteAddress,
    actor: `ae:${callingAe}`,
    detail: { status, reason, remoteAddress },
  };
}

function contextEvent({ callingAe, sopClassUid, status, reason, remoteAddress }: NewRefusal): AuditEvent {
  return {
    event: 'CONTEXT_REFUSED',
    subjectType: 'sopClass',
    subjectId: sopClassUid,
    actor: `ae:${callingAe}`,
    detail: { status, reason, remoteAddress },
  };
}
