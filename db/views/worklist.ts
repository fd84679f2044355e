import type { Answer } from '../../agent/domain/answers.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/**
 * What the deciding model and the CT say about one disc of a case's current revision. The CT is silent where either
 * side doubts its levels, as in the report.
 */
export interface WorklistFlag {
  readonly level: Level;
  readonly probability: number | null;
  readonly answer: Answer | null;
  /** What the answer states; null where it states nothing. */
  readonly calcified: boolean | null;
  readonly ctLabel: CtLabel | null;
}

export interface WorklistRow {
  readonly id: string;
  readonly state: CaseState;
  readonly revision: number;
  readonly createdAt: Date;
  readonly stateSince: Date;
  readonly lastErrorCode: string | null;
  /** What it waits for, in words. */
  readonly waitingFor: string | null;
  readonly closedBecause: string | null;
  readonly patientId: string;
  readonly patientName: string;
  readonly accessionNumber: string;
  readonly studyDescription: string;
  readonly mrStudyInstanceUid: string;
  readonly mrAcquisitionDate: string | null;
  readonly pairingOutcome: string | null;
  readonly intervalDays: number | null;
  readonly locateStatus: LocateStatus | null;
  /** From above down; only levels that were found on MR or CT. */
  readonly flags: readonly WorklistFlag[];
  /** Documents in which readers answered the report, and the discs rejected there. */
  readonly readerAnswers: number;
  readonly readerRejections: number;
}

/** What a worklist may be sorted by. */
export const WORKLIST_SORTS = {
  newest: 'c.created_at DESC, c.id',
  patient: 'lower(s.patient_name), c.created_at DESC, c.id',
  accession: "s.accession_number = '', s.accession_number, c.created_at DESC, c.id",
  mr: 'mr.acquisition_date DESC NULLS LAST, c.created_at DESC, c.id',
  state: 'c.state, c.state_since DESC, c.id',
} as const;

export type WorklistSort = keyof typeof WORKLIST_SORTS;

export interface WorklistFilter {
  readonly states?: readonly CaseState[];
  /** 'calcified': at least one disc by the model; 'disagree': model and CT differ on a disc. */
  readonly flag?: WorklistFilterFlag;
  /** The disc that `flag` is about; alone: 'calcified' there. */
  readonly level?: Level;
  /** Part of the patient's name, of the patient ID or of the accession number, in any case of letters. */
  readonly find?: string;
  readonly sort?: WorklistSort;
  /** Acquisition dates of the MR, 'YYYY-MM-DD', both included. */
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly offset: number;
}

const FLAGS = `
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'level', f.level, 'probability', f.probability, 'answer', f.answer, 'calcified', f.calcified,
           'ctLabel', f.ct_label)
           ORDER BY ${levelOrder('f.level')}), '[]') AS flags,
         bool_or(f.calcified) FILTER (WHERE f.is_meant) AS any_calcified,
         bool_or(f.calcified IS NOT NULL AND f.ct_label <> 'indeterminate'
                 AND f.calcified <> (f.ct_label = 'calcified')) FILTER (WHERE f.is_meant) AS any_disagree
    FROM (SELECT coalesce(r.level, m.level) AS level, i.probability, i.answer, i.calcified, m.label AS ct_label,
                 (:level::text IS NULL OR coalesce(r.level, m.level) = :level) AS is_meant
            FROM (SELECT * FROM disc_region d WHERE d.case_id = c.id AND d.revision = c.revision) r
            FULL JOIN (SELECT * FROM ct_measurement x WHERE x.case_id = c.id AND x.revision = c.revision
                         AND l.status = 'located' AND lct.status = 'located') m
              ON m.level = r.level
            LEFT JOIN inference i ON i.disc_region_id = r.id AND i.role = 'active') f`;

const WHERE_FLAG = {
  calcified: 'AND f.any_calcified',
  disagree: 'AND f.any_disagree',
  uncertain: "AND l.status <> 'located'",
} as const;

/** What a worklist may be asked for. */
export type WorklistFilterFlag = keyof typeof WHERE_FLAG;
export const WORKLIST_FLAGS = Object.keys(WHERE_FLAG) as WorklistFilterFlag[];

const FROM = `
       FROM "case" c
       JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      CROSS JOIN LATERAL (${FLAGS}) f
      WHERE c.joined_into IS NULL AND (:states::text[] IS NULL OR c.state = ANY(:states::text[]))
        AND (:find::text IS NULL OR s.patient_id ILIKE :find OR s.accession_number ILIKE :find
             OR translate(s.patient_name, '^=', '  ') ILIKE ALL (:words::text[]))
        AND (:from::date IS NULL OR mr.acquisition_date >= :from::date)
        AND (:to::date IS NULL OR mr.acquisition_date <= :to::date)`;

/** The newest first unless sorted otherwise, with the flags of the current revision, in one statement. */
export async function listWorklist(tx: Tx, filter: WorklistFilter): Promise<WorklistRow[]> {
  const { rows } = await tx.raw(
    `SELECT c.id, c.state, c.revision, c.created_at, c.state_since, c.last_error_code, c.waiting_for,
            c.closed_because, s.patient_id, s.patient_name, s.accession_number, s.study_description, c.mr_study_instance_uid,
            mr.acquisition_date AS mr_acquisition_date, p.outcome AS pairing_outcome, p.interval_days,
            l.status AS locate_status, f.flags,
            (SELECT count(DISTINCT v.sop_instance_uid)::integer FROM reader_verdict v WHERE v.case_id = c.id) AS reader_answers,
            (SELECT count(*)::integer FROM reader_verdict v WHERE v.case_id = c.id AND v.verdict = 'rejected') AS reader_rejections
       ${FROM} ${flagOf(filter)} ORDER BY ${WORKLIST_SORTS[filter.sort ?? 'newest']}
      LIMIT :limit OFFSET :offset`,
    bindingsOf(filter),
  );
  return rows;
}

/** How many cases the filter lets through, on all pages. */
export async function countWorklist(tx: Tx, filter: WorklistFilter): Promise<number> {
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS total ${FROM} ${flagOf(filter)}`,
    bindingsOf(filter),
  );
  return rows[0].total;
}

/** The cases beside one in the list it was opened from: null at either end. */
export interface Neighbours {
  readonly previous: string | null;
  readonly next: string | null;
}

export async function worklistNeighbours(tx: Tx, id: string, filter: WorklistFilter): Promise<Neighbours> {
  const { rows } = await tx.raw(
    `SELECT previous, next FROM (
       SELECT c.id, lag(c.id) OVER list AS previous, lead(c.id) OVER list AS next
         ${FROM} ${flagOf(filter)} WINDOW list AS (ORDER BY ${WORKLIST_SORTS[filter.sort ?? 'newest']})) beside
      WHERE id = :id`,
    { ...bindingsOf(filter), id },
  );
  return rows[0] ?? { previous: null, next: null };
}

function flagOf({ flag, level }: WorklistFilter): string {
  const meant = flag ?? (level === undefined ? undefined : 'calcified');
  return meant ? WHERE_FLAG[meant] : '';
}

function bindingsOf({ states, level, find, from, to, limit, offset }: WorklistFilter) {
  const words = (find ?? '').split(/[\s,^]+/).filter(Boolean);
  return {
    states: states === undefined ? null : [...states],
    level: level ?? null,
    find: find ? anywhere(find) : null,
    words: words.map(anywhere),
    from: from ?? null,
    to: to ?? null,
    limit,
    offset,
  };
}

/** As a pattern of LIKE: what a person types stands for itself. */
export function anywhere(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
