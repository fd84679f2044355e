import type { Tx } from '../server/knex.js';

/** Cases that wait for the same thing. */
export interface WaitingCases {
  readonly waitingFor: string;
  readonly cases: number;
}

/** Located cases whose worker says that it has no classifier to work with. */
export async function listWaitingForClassifier(tx: Tx): Promise<WaitingCases[]> {
  return tx('case')
    .where({ state: 'located' })
    .whereNotNull('waitingFor')
    .groupBy('waitingFor')
    .select('waitingFor')
    .select(tx.raw('count(*)::integer AS cases'));
}

/** A destination that has refused reports for good, and has taken none since. */
export interface RefusingDestination {
  readonly destination: string;
  readonly reports: number;
  readonly lastError: string | null;
}

export async function listRefusingDestinations(
  tx: Tx,
  names: readonly string[],
): Promise<RefusingDestination[]> {
  const { rows } = await tx.raw(
    `SELECT d.destination, count(*)::integer AS reports, (array_agg(d.last_error ORDER BY c.state_since DESC))[1] AS last_error
       FROM delivery d
       JOIN report r ON r.id = d.report_id
       JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision AND c.state = 'parked'
      WHERE d.state = 'parked' AND d.destination = ANY (:names)
        AND NOT EXISTS (SELECT FROM delivery later
                         WHERE later.destination = d.destination AND later.stored_at > c.state_since)
      GROUP BY d.destination ORDER BY d.destination`,
    { names: [...names] },
  );
  return rows;
}

/** How many cases are parked, by the code of what parked them. */
export async function countParked(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows: { lastErrorCode: string | null; cases: number }[] = await tx('case')
    .where({ state: 'parked' })
    .groupBy('lastErrorCode')
    .select('lastErrorCode')
    .select(tx.raw('count(*)::integer AS cases'));
  return new Map(rows.map(({ lastErrorCode, cases }) => [lastErrorCode ?? 'UNKNOWN', cases]));
}
