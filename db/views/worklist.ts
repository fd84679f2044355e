import type { Answer } from '../../agent/domain/answers.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';
import { beyond, conditionOf, orderOf, type WorklistFilter } from './worklistFilter.js';

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
  /** Where and on what the MR was made, as its images say; '' for nothing. */
  readonly site: string;
  readonly scanner: string;
  /** From above down; only levels that were found on MR or CT. */
  readonly flags: readonly WorklistFlag[];
  /** Documents in which readers answered the report, and the discs rejected there. */
  readonly readerAnswers: number;
  readonly readerRejections: number;
}

/** Of the cases of one page: everything else stands in worklist_entry. */
const FLAGS = `
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'level', f.level, 'probability', f.probability, 'answer', f.answer, 'calcified', f.calcified,
           'ctLabel', f.ct_label)
           ORDER BY ${levelOrder('f.level')}), '[]') AS flags
    FROM (SELECT coalesce(r.level, m.level) AS level, i.probability, i.answer, i.calcified, m.label AS ct_label
            FROM (SELECT * FROM disc_region d WHERE d.case_id = c.id AND d.revision = c.revision) r
            FULL JOIN (SELECT * FROM ct_measurement x WHERE x.case_id = c.id AND x.revision = c.revision
                         AND l.status = 'located' AND lct.status = 'located') m
              ON m.level = r.level
            LEFT JOIN inference i ON i.disc_region_id = r.id AND i.role = 'active') f`;

/** The newest first unless sorted otherwise, with the flags of the current revision, in one statement. */
export async function listWorklist(tx: Tx, filter: WorklistFilter): Promise<WorklistRow[]> {
  const { sql, values } = conditionOf(filter);
  const { sort, after, before } = filter;
  const isBackwards = before !== undefined;
  const place = after ? beyond(sort, ':after::uuid') : isBackwards && beyond(sort, ':before::uuid', true);
  const { rows } = await tx.raw(
    `SELECT c.id, c.state, c.revision, c.created_at, c.state_since, c.last_error_code, c.waiting_for,
            c.closed_because, s.patient_id, s.patient_name, s.accession_number, s.study_description, c.mr_study_instance_uid,
            mr.acquisition_date AS mr_acquisition_date, p.outcome AS pairing_outcome, p.interval_days,
            l.status AS locate_status, page.site, page.scanner, f.flags,
            (SELECT count(DISTINCT v.sop_instance_uid)::integer FROM reader_verdict v WHERE v.case_id = c.id) AS reader_answers,
            (SELECT count(*)::integer FROM reader_verdict v WHERE v.case_id = c.id AND v.verdict = 'rejected') AS reader_rejections
       FROM (SELECT *, row_number() OVER (ORDER BY ${orderOf(sort)}) AS place
               FROM (SELECT * FROM worklist_entry WHERE ${sql} ${place ? `AND ${place}` : ''}
                      ORDER BY ${orderOf(sort, isBackwards)} LIMIT :limit OFFSET :offset) asked) page
       JOIN "case" c ON c.id = page.case_id
       JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      CROSS JOIN LATERAL (${FLAGS}) f ORDER BY page.place`,
    values,
  );
  return rows;
}

/** How many cases the filter lets through, on all pages. */
export async function countWorklist(tx: Tx, filter: WorklistFilter): Promise<number> {
  const { sql, values } = conditionOf(filter);
  const { rows } = await tx.raw(`SELECT count(*)::integer AS total FROM worklist_entry WHERE ${sql}`, values);
  return rows[0].total;
}

/** The cases beside one in the list it was opened from: null at either end. */
export interface Neighbours {
  readonly previous: string | null;
  readonly next: string | null;
}

export async function worklistNeighbours(tx: Tx, id: string, filter: WorklistFilter): Promise<Neighbours> {
  const { sql, values } = conditionOf(filter);
  const beside = (isBackwards: boolean) =>
    `(SELECT case_id FROM worklist_entry WHERE ${sql} AND ${beyond(filter.sort, ':id::uuid', isBackwards)}
       ORDER BY ${orderOf(filter.sort, isBackwards)} LIMIT 1)`;
  const isThere = `EXISTS (SELECT FROM worklist_entry WHERE case_id = :id::uuid AND ${sql})`;
  const { rows } = await tx.raw(
    `SELECT CASE WHEN ${isThere} THEN ${beside(true)} END AS previous, CASE WHEN ${isThere} THEN ${beside(false)} END AS next`,
    { ...values, id },
  );
  return rows[0];
}

/** The triggers that keep entries, and what quality is counted from, by table: who fills tables in bulk refreshes once, at the end. */
export const WORKLIST_TRIGGERS = {
  case: ['worklist_new_case'],
  pairing: ['worklist_pairing_insert'],
  localisation: ['worklist_localisation_insert'],
  ct_measurement: ['worklist_ct_measurement_insert'],
  inference: ['worklist_inference'],
  reader_verdict: ['quality_verdict'],
} as const;

/** Writes the entries of these cases anew. */
export async function refreshWorklist(tx: Tx, caseIds: readonly string[]): Promise<void> {
  await tx.raw('SELECT worklist_refresh(?::uuid[])', [[...caseIds]]);
}
