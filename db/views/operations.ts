import type { CaseState } from '../../agent/domain/caseStates.js';
import type { Tx } from '../server/knex.js';
import { PRESENCE_LOCK } from '../server/presence.js';

/** Cases that are on their way, or stand still, in one state. */
export interface StateQueue {
  readonly state: CaseState;
  readonly cases: number;
  readonly oldestId: string;
  readonly oldestSince: Date;
}

/** All states but the last ones, in which a case may stay for ever. */
export async function listStateQueues(tx: Tx): Promise<StateQueue[]> {
  const { rows } = await tx.raw(
    `SELECT state, count(*)::integer AS cases, (array_agg(case_id ORDER BY state_since))[1] AS oldest_id,
            min(state_since) AS oldest_since
       FROM worklist_entry WHERE state IN ('received', 'paired', 'located', 'classified', 'reported', 'parked')
      GROUP BY state`,
  );
  return rows;
}

/** What a destination has taken, and what it has not, of current revisions. */
export interface DestinationState {
  readonly destination: string;
  readonly lastStoredAt: Date | null;
  readonly pending: number;
  readonly parked: number;
  /** Of the newest of those, in words. */
  readonly lastError: string | null;
}

export async function listDestinationStates(tx: Tx): Promise<DestinationState[]> {
  const { rows } = await tx.raw(
    `SELECT d.destination, max(d.stored_at) AS last_stored_at,
            count(*) FILTER (WHERE d.state = 'pending')::integer AS pending,
            count(*) FILTER (WHERE d.state = 'parked')::integer AS parked,
            (array_agg(d.last_error ORDER BY d.created_at DESC)
              FILTER (WHERE d.state <> 'stored' AND d.last_error IS NOT NULL))[1] AS last_error
       FROM delivery d JOIN report r ON r.id = d.report_id JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision
      GROUP BY d.destination ORDER BY d.destination`,
  );
  return rows;
}

/** What came of asking a source for other images of patients. */
export interface SourceState {
  readonly source: string;
  readonly lastDoneAt: Date | null;
  readonly open: number;
  /** In the last week. */
  readonly failed: number;
  readonly lastError: string | null;
}

export async function listSourceStates(tx: Tx): Promise<SourceState[]> {
  const { rows } = await tx.raw(
    `SELECT source, max(ended_at) FILTER (WHERE state = 'done') AS last_done_at,
            count(*) FILTER (WHERE state IN ('due', 'querying', 'moving'))::integer AS open,
            count(*) FILTER (WHERE state = 'failed' AND ended_at > now() - interval '7 days')::integer AS failed,
            (array_agg(coalesce(last_error, reason) ORDER BY ended_at DESC)
              FILTER (WHERE state = 'failed' AND ended_at > now() - interval '7 days'))[1] AS last_error
       FROM prior_fetch GROUP BY source ORDER BY source`,
  );
  return rows;
}

/** What lives, and how large it is. */
export interface Alive {
  /** Of ours, on this database: agents, workers, commands. */
  readonly processes: number;
  /** Of the database, bytes. */
  readonly databaseBytes: number;
  /** When a classifier last answered, of the cases that came on last. */
  readonly lastAnswerAt: Date | null;
  /** When an image last came. */
  readonly lastImageAt: Date | null;
}

export async function readAlive(tx: Tx): Promise<Alive> {
  const { rows } = await tx.raw(
    `SELECT (SELECT count(DISTINCT objid)::integer FROM pg_locks
              WHERE locktype = 'advisory' AND granted AND classid::bigint = :lock
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS processes,
            pg_database_size(current_database())::float8 AS database_bytes,
            (SELECT max(i.created_at)
               FROM unnest(ARRAY['classified', 'reported', 'delivered']) AS told (state)
              CROSS JOIN LATERAL (SELECT case_id FROM worklist_entry e WHERE e.state = told.state
                                   ORDER BY e.state_since DESC LIMIT 10) newest
               JOIN disc_region r ON r.case_id = newest.case_id
               JOIN inference i ON i.disc_region_id = r.id) AS last_answer_at,
            (SELECT max(last_received_at) FROM series) AS last_image_at`,
    { lock: PRESENCE_LOCK },
  );
  return rows[0];
}
