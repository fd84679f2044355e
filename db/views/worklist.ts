import type { Answer } from '../../agent/domain/answers.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';

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
  readonly ctLabel: 'calcified' | 'not-calcified' | 'indeterminate' | null;
}

export interface WorklistRow {
  readonly id: string;
  readonly state: CaseState;
  readonly revision: number;
  readonly createdAt: Date;
  readonly stateSince: Date;
  readonly lastErrorCode: string | null;
  readonly patientId: string;
  readonly patientName: string;
  readonly accessionNumber: string;
  readonly studyDescription: string;
  readonly mrStudyInstanceUid: string;
  readonly mrAcquisitionDate: string | null;
  readonly pairingOutcome: string | null;
  readonly intervalDays: number | null;
  readonly locateStatus: 'located' | 'uncertain' | 'not-found' | null;
  /** From above down; only levels that were found on MR or CT. */
  readonly flags: readonly WorklistFlag[];
}

export interface WorklistFilter {
  readonly states?: readonly CaseState[];
  /** 'calcified': at least one disc by the model; 'disagree': model and CT differ on a disc. */
  readonly flag?: 'calcified' | 'disagree' | 'uncertain';
  /** The disc that `flag` is about; alone: 'calcified' there. */
  readonly level?: Level;
  /** Patient ID or accession number, exactly. */
  readonly find?: string;
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
           ORDER BY f.level), '[]') AS flags,
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

/** The newest first, with the flags of the current revision, in one statement. */
export async function listWorklist(tx: Tx, filter: WorklistFilter): Promise<WorklistRow[]> {
  const { states = null, level = null, find = null, from = null, to = null, limit, offset } = filter;
  const flag = filter.flag ?? (level === null ? undefined : 'calcified');
  const { rows } = await tx.raw(
    `SELECT c.id, c.state, c.revision, c.created_at, c.state_since, c.last_error_code,
            s.patient_id, s.patient_name, s.accession_number, s.study_description, c.mr_study_instance_uid,
            mr.acquisition_date AS mr_acquisition_date, p.outcome AS pairing_outcome, p.interval_days,
            l.status AS locate_status, f.flags
       FROM "case" c
       JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      CROSS JOIN LATERAL (${FLAGS}) f
      WHERE (:states::text[] IS NULL OR c.state = ANY(:states::text[]))
        AND (:find::text IS NULL OR s.patient_id = :find OR s.accession_number = :find)
        AND (:from::date IS NULL OR mr.acquisition_date >= :from::date)
        AND (:to::date IS NULL OR mr.acquisition_date <= :to::date)
        ${flag ? WHERE_FLAG[flag] : ''}
      ORDER BY c.created_at DESC, c.id
      LIMIT :limit OFFSET :offset`,
    { states: states === null ? null : [...states], level, find, from, to, limit, offset },
  );
  return rows;
}
