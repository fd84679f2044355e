import type { Tx } from '../server/knex.js';

/** Where a classifier ran: discs of current revisions, whatever its role was. */
export interface ModelUse {
  readonly modelId: string;
  readonly cases: number;
  readonly discs: number;
  /** Of the discs, those answered while it decided. */
  readonly decided: number;
  readonly flagged: number;
  readonly unstated: number;
  /** Median and 95th percentile of the distance from what it learnt from; null where it tells none. */
  readonly medianDistance: number | null;
  readonly farDistance: number | null;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** Against the CT, where neither side doubts its levels. */
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
  readonly trueNegative: number;
}

/** Of every classifier that has answered anything. */
export async function listModelUse(tx: Tx): Promise<ModelUse[]> {
  const { rows } = await tx.raw(
    `SELECT model_id, count(DISTINCT case_id)::integer AS cases, count(*)::integer AS discs,
            count(*) FILTER (WHERE role = 'active')::integer AS decided,
            count(*) FILTER (WHERE calcified)::integer AS flagged,
            count(*) FILTER (WHERE calcified IS NULL)::integer AS unstated,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY distance) AS median_distance,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY distance) AS far_distance,
            min(inferred_at) AS first_at, max(inferred_at) AS last_at,
            count(*) FILTER (WHERE calcified AND ct)::integer AS true_positive,
            count(*) FILTER (WHERE calcified AND NOT ct)::integer AS false_positive,
            count(*) FILTER (WHERE NOT calcified AND ct)::integer AS false_negative,
            count(*) FILTER (WHERE NOT calcified AND NOT ct)::integer AS true_negative
       FROM quality_disc GROUP BY model_id`,
  );
  return rows;
}
