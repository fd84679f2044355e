import { json, type Tx } from '../server/knex.js';

/** What was not accepted, by sender and kind. */
export interface RefusalRow {
  readonly what: 'association' | 'context' | 'object';
  readonly callingAe: string;
  /** Of a context or an object; '' of an association. */
  readonly sopClassUid: string;
  readonly status: string;
  readonly count: number;
  /** The last one's, in words. */
  readonly reason: string;
  readonly remoteAddress: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

export type NewRefusal = Omit<RefusalRow, 'firstAt' | 'lastAt'>;

/** Adds to the counts. @returns for each whether its kind is new */
export async function addRefusals(trx: Tx, refusals: readonly NewRefusal[]): Promise<boolean[]> {
  const { rows }: { rows: { key: string }[] } = await trx.raw(ADD, [json(refusals)]);
  const isNew = new Set(rows.map(({ key }) => key));
  return refusals.map(({ what, callingAe, sopClassUid, status }) =>
    isNew.has([what, callingAe, sopClassUid, status].join('\n')),
  );
}

/** Of an inserted row xmax is 0: it has no version before it. */
const ADD = `
  WITH added AS (
    INSERT INTO refusal (what, calling_ae, sop_class_uid, status, count, reason, remote_address)
    SELECT "what", "callingAe", "sopClassUid", "status", "count", "reason", "remoteAddress"
      FROM json_to_recordset(?::json) AS given("what" text, "callingAe" text, "sopClassUid" text, "status" text,
        "count" bigint, "reason" text, "remoteAddress" text)
     ORDER BY 1, 2, 3, 4
    ON CONFLICT (what, calling_ae, sop_class_uid, status) DO UPDATE SET count = refusal.count + excluded.count,
      reason = excluded.reason, remote_address = excluded.remote_address, last_at = clock_timestamp()
    RETURNING what, calling_ae, sop_class_uid, status, (xmax = 0) AS is_new)
  SELECT concat_ws(E'\\n', what, calling_ae, sop_class_uid, status) AS key FROM added WHERE is_new`;

/** The latest first. */
export function listRefusals(tx: Tx, since?: Date): Promise<RefusalRow[]> {
  const query = tx('refusal').orderBy('lastAt', 'desc').orderBy('callingAe');
  if (since) query.where('lastAt', '>=', since);
  return query.select('*');
}
