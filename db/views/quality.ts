import type { Answer } from '../../agent/domain/answers.js';
import type { BmiGroup } from '../../agent/domain/bmiBands.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { Tx } from '../server/knex.js';
import { bmiCondition } from '../tables/bmiCondition.js';
import type { Truth } from './qualityDiscs.js';

/** A row of the view qa_result: one disc of a current revision, one model. */
export interface QaResultRow {
  readonly caseId: string;
  readonly accessionNumber: string;
  readonly mrStudyInstanceUid: string;
  /** 'YYYY-MM-DD', and so the next; the MR's. */
  readonly mrDate: string | null;
  readonly ctDate: string | null;
  readonly age: number | null;
  readonly sex: string;
  /** kg/m², a decimal as text, and so the field strength. */
  readonly bmi: string | null;
  readonly site: string;
  readonly scanner: string;
  readonly fieldStrengthT: string | null;
  readonly locateStatus: LocateStatus;
  readonly level: Level;
  readonly model: string;
  readonly modelVersion: string;
  readonly role: 'active' | 'shadow';
  readonly probability: number;
  readonly threshold: number;
  readonly answer: Answer;
  readonly inferredAt: Date;
  readonly ctLabel: CtLabel | null;
}

/** What results are asked for; dates are the MR's, 'YYYY-MM-DD', both included. */
export interface QualityFilter {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly level?: Level | undefined;
  readonly site?: string | undefined;
  readonly scanner?: string | undefined;
  readonly bmi?: BmiGroup | undefined;
  /** The whole number. */
  readonly accession?: string | undefined;
}

const WHERE = {
  from: 'mr_date >= :from::date',
  to: 'mr_date <= :to::date',
  level: 'level = :level',
  site: 'site = :site',
  scanner: 'scanner = :scanner',
  accession: 'accession_number = :accession',
} as const satisfies Record<Exclude<keyof QualityFilter, 'bmi'>, string>;

function conditionsOf(filter: QualityFilter, but: readonly (keyof QualityFilter)[] = []): string {
  const asked = (Object.keys(WHERE) as (keyof typeof WHERE)[]).filter(
    (key) => filter[key] !== undefined && !but.includes(key),
  );
  const bmi = filter.bmi ? [bmiCondition(filter.bmi)] : [];
  return ['true', ...asked.map((key) => WHERE[key]), ...bmi].join(' AND ');
}

/** On quality_disc, which has no accession number of its own. */
function discConditionsOf({ accession, ...filter }: QualityFilter): string {
  const own = conditionsOf(filter);
  if (accession === undefined) return own;
  return `${own} AND q.case_id IN (SELECT case_id FROM worklist_entry WHERE ${WHERE.accession})`;
}

export interface ResultPage extends QualityFilter {
  readonly limit: number;
  /** The case and what follows it in a page before. */
  readonly after?: string | undefined;
}

/** Whole cases, in the order of their ids: a page's last case is the next one's `after`. */
export async function listResults(tx: Tx, page: ResultPage): Promise<QaResultRow[]> {
  const { after, limit } = page;
  const { rows } = await tx.raw(
    `SELECT * FROM qa_result WHERE case_id IN (
       SELECT case_id FROM worklist_entry WHERE ${conditionsOf(page, ['level'])}
          AND ${after ? 'case_id > :after::uuid' : 'true'} ORDER BY case_id LIMIT :limit)
        AND ${conditionsOf({ level: page.level })} ORDER BY case_id, level, role, model`,
    { ...page, limit },
  );
  return rows;
}

export async function* resultPages(tx: Tx, filter: QualityFilter): AsyncGenerator<readonly QaResultRow[]> {
  for (let after: string | undefined; ; ) {
    const ids = await tx.raw(
      `SELECT case_id FROM worklist_entry WHERE ${conditionsOf(filter, ['level'])}
          AND ${after ? 'case_id > :after::uuid' : 'true'} ORDER BY case_id LIMIT 1000`,
      { ...filter, after: after ?? null },
    );
    const last: string | undefined = ids.rows.at(-1)?.caseId;
    if (last === undefined) return;
    const rows = await listResults(tx, { ...filter, limit: 1000, after });
    if (rows.length > 0) yield rows;
    after = last;
  }
}

/** One disc of which something says yes or no, under one model: what agreement is computed from. */
export interface JudgedDisc {
  /** name@version */
  readonly model: string;
  readonly role: 'active' | 'shadow';
  readonly probability: number;
  readonly threshold: number;
  /** Null where the model states nothing. */
  readonly calcified: boolean | null;
  readonly isCalcified: boolean;
  readonly level: Level;
  readonly site: string;
  readonly scanner: string;
  readonly fieldStrengthT: string | null;
  readonly age: number | null;
  readonly sex: string;
  readonly bmi: number | null;
  /** 'YYYY-MM'; null where the MR says no date. */
  readonly month: string | null;
}

const JUDGED = [
  'model',
  'role',
  'probability',
  'threshold',
  'calcified',
  'isCalcified',
  'level',
  'site',
  'scanner',
  'fieldStrengthT',
  'age',
  'sex',
  'bmi',
  'month',
] as const satisfies readonly (keyof JudgedDisc)[];

/** A hundred thousand rows and more: as one JSON value they cost a third of what rows do. */
export async function listJudged(tx: Tx, filter: QualityFilter, truth: Truth = 'ct'): Promise<JudgedDisc[]> {
  const { rows } = await tx.raw(
    `SELECT coalesce(json_agg(json_build_array(m.name || '@' || m.version, q.role, probability, threshold, calcified,
              q.${truth}, level, site, scanner, field_strength_t::text, age, sex, q.bmi, to_char(mr_date, 'YYYY-MM'))), '[]') AS discs
       FROM quality_disc q JOIN model m ON m.id = q.model_id WHERE q.${truth} IS NOT NULL AND ${discConditionsOf(filter)}`,
    { ...filter },
  );
  return rows[0].discs.map((values: readonly unknown[]) => objectOf(JUDGED, values));
}

function objectOf<T>(keys: readonly string[], values: readonly unknown[]): T {
  const made: Record<string, unknown> = {};
  for (const [i, key] of keys.entries()) made[key] = values[i];
  return made as T;
}

/** How much of what was asked for there is to judge by, and how it went. */
export interface Coverage {
  readonly cases: number;
  readonly read: number;
  readonly withCt: number;
  readonly uncertainLevels: number;
  readonly parked: number;
  readonly closed: number;
  readonly discs: number;
  readonly unstatedDiscs: number;
  /** Seconds from the last image to the report, median and 95th percentile; null without one. */
  readonly medianSeconds: number | null;
  readonly slowSeconds: number | null;
}

export async function readCoverage(tx: Tx, filter: QualityFilter): Promise<Coverage> {
  const where = conditionsOf(filter, ['level']);
  const { rows } = await tx.raw(
    `WITH asked AS MATERIALIZED (SELECT * FROM worklist_entry WHERE ${where}),
          took AS (SELECT extract(epoch FROM min(p.created_at) - min(mr.last_received_at)) AS seconds
                     FROM asked s JOIN "case" c ON c.id = s.case_id
                     JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
                     JOIN report p ON p.case_id = c.id GROUP BY c.id)
     SELECT count(*)::integer AS cases, count(locate_status)::integer AS read,
            count(*) FILTER (WHERE pairing_outcome = 'paired')::integer AS with_ct,
            count(*) FILTER (WHERE locate_status <> 'located')::integer AS uncertain_levels,
            count(*) FILTER (WHERE state = 'parked')::integer AS parked,
            count(*) FILTER (WHERE state = 'closed')::integer AS closed,
            (SELECT coalesce(sum(q.discs), 0)::integer FROM asked s JOIN quality_study q ON q.case_id = s.case_id) AS discs,
            coalesce(sum(cardinality(unstated)), 0)::integer AS unstated_discs,
            (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM took) AS median_seconds,
            (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FROM took) AS slow_seconds
       FROM asked`,
    { ...filter },
  );
  return rows[0];
}

/** Why models state nothing, most often first: reasons as they were given. */
export async function listUnstatedReasons(
  tx: Tx,
  filter: QualityFilter,
): Promise<{ readonly reason: string; readonly discs: number }[]> {
  const { rows } = await tx.raw(
    `WITH unstated AS MATERIALIZED (SELECT case_id, level, model_id FROM quality_disc q
                                     WHERE role = 'active' AND calcified IS NULL AND ${discConditionsOf(filter)})
     SELECT reason, count(*)::integer AS discs
       FROM unstated u JOIN "case" c ON c.id = u.case_id
       JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision AND r.level = u.level
       JOIN inference i ON i.disc_region_id = r.id AND i.model_id = u.model_id,
            jsonb_array_elements_text(i.reasons) AS reason GROUP BY 1 ORDER BY 2 DESC LIMIT 10`,
    { ...filter },
  );
  return rows;
}

/** A row of the view qa_drift. */
export interface DriftRow {
  /** 'YYYY-MM-DD' */
  readonly day: string;
  readonly site: string;
  readonly scanner: string;
  readonly figure: string;
  readonly studies: number;
  readonly mean: number;
  readonly standardDeviation: number;
}

const DRIFT = [
  'day',
  'site',
  'scanner',
  'figure',
  'studies',
  'mean',
  'standardDeviation',
] as const satisfies readonly (keyof DriftRow)[];

export async function listDrift(tx: Tx): Promise<DriftRow[]> {
  const { rows } = await tx.raw(
    `SELECT coalesce(json_agg(json_build_array(day, site, scanner, figure, studies, mean, standard_deviation) ORDER BY day), '[]') AS drift
       FROM qa_drift`,
  );
  return rows[0].drift.map((values: readonly unknown[]) => objectOf(DRIFT, values));
}

/** The first study of each protocol on each scanner. */
export interface FirstSeen {
  readonly site: string;
  readonly scanner: string;
  readonly protocol: string;
  readonly day: string;
}

export async function listFirstSeen(tx: Tx): Promise<FirstSeen[]> {
  const { rows } = await tx.raw(
    `SELECT e.site, e.scanner, mr.protocol_name AS protocol, min(e.mr_date) AS day
       FROM worklist_entry e JOIN "case" c ON c.id = e.case_id
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
      WHERE e.mr_date > '-infinity' AND e.scanner <> '' GROUP BY 1, 2, 3 ORDER BY 4`,
  );
  return rows;
}
