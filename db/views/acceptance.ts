import type { Answer } from '../../agent/domain/answers.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/** Which cases are meant: those of a backfill's studies, or those whose MR was acquired within some days. */
export interface AcceptanceScope {
  readonly backfillId: string | null;
  /** 'YYYY-MM-DD', both included; null: no bound. */
  readonly from: string | null;
  readonly to: string | null;
  /** Whose answers, whatever its role was; absent: of whichever decided. */
  readonly modelId?: string | null;
}

/** A case at its current revision, with what a report on a site asks of it. Holds identifiers. */
export interface AcceptanceCase {
  readonly caseId: string;
  readonly state: CaseState;
  readonly closedBecause: string | null;
  readonly lastErrorCode: string | null;
  readonly patientKey: string;
  readonly patientSex: string;
  /** 'YYYY-MM-DD' */
  readonly patientBirthDate: string | null;
  readonly mrDate: string | null;
  readonly mrSeriesInstanceUid: string;
  readonly pairingOutcome: string | null;
  readonly mrStatus: LocateStatus | null;
  readonly mrReasons: readonly string[];
  readonly ctStatus: LocateStatus | null;
  /** Of the series that was read. */
  readonly firstReceivedAt: Date;
  readonly lastReceivedAt: Date;
  /** Of the first report; null without one. */
  readonly reportedAt: Date | null;
}

/** A disc of one of them, with the deciding classifier's answer and the CT's word. */
export interface AcceptanceDisc {
  readonly caseId: string;
  readonly level: Level;
  readonly regionId: string;
  /** null: not classified. */
  readonly answer: Answer | null;
  readonly probability: number | null;
  readonly threshold: number | null;
  readonly reasons: readonly string[];
  /** 'resnet34@3' */
  readonly model: string | null;
  readonly ctLabel: CtLabel | null;
  readonly meanHu: number | null;
  readonly maxHu: number | null;
}

const IN_SCOPE = `c.joined_into IS NULL
  AND (:backfillId::uuid IS NULL OR EXISTS (SELECT FROM backfill_study b
        WHERE b.backfill_id = :backfillId::uuid AND b.study_instance_uid = c.mr_study_instance_uid))
  AND (:from::date IS NULL OR mr.acquisition_date >= :from::date)
  AND (:to::date IS NULL OR mr.acquisition_date <= :to::date)`;

export async function countAcceptanceCases(tx: Tx, scope: AcceptanceScope): Promise<number> {
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS cases FROM "case" c JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
      WHERE ${IN_SCOPE}`,
    { ...scope },
  );
  return rows[0].cases;
}

export async function listAcceptanceCases(tx: Tx, scope: AcceptanceScope): Promise<AcceptanceCase[]> {
  const { rows } = await tx.raw(
    `SELECT c.id AS case_id, c.state, c.closed_because, c.last_error_code,
            s.patient_id || '|' || s.issuer_of_patient_id AS patient_key, s.patient_sex, s.patient_birth_date,
            mr.acquisition_date AS mr_date, c.mr_series_instance_uid, p.outcome AS pairing_outcome,
            l.status AS mr_status, coalesce(l.reasons, '[]') AS mr_reasons, lct.status AS ct_status,
            mr.first_received_at, mr.last_received_at,
            (SELECT min(created_at) FROM report r WHERE r.case_id = c.id) AS reported_at
       FROM "case" c
       JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      WHERE ${IN_SCOPE} ORDER BY mr.acquisition_date, c.id`,
    { ...scope },
  );
  return rows;
}

export async function listAcceptanceDiscs(tx: Tx, scope: AcceptanceScope): Promise<AcceptanceDisc[]> {
  const { rows } = await tx.raw(
    `SELECT r.case_id, r.level, r.id AS region_id, i.answer, i.probability, i.threshold, coalesce(i.reasons, '[]') AS reasons,
            m.name || '@' || m.version AS model, x.label AS ct_label, x.mean_hu, x.max_hu
       FROM disc_region r
       JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN inference i ON i.disc_region_id = r.id
                        AND CASE WHEN :modelId::uuid IS NULL THEN i.role = 'active' ELSE i.model_id = :modelId::uuid END
       LEFT JOIN model m ON m.id = i.model_id
       LEFT JOIN ct_measurement x ON x.case_id = c.id AND x.revision = c.revision AND x.level = r.level
      WHERE ${IN_SCOPE} ORDER BY r.case_id, ${levelOrder('r.level')}`,
    { modelId: null, ...scope },
  );
  return rows.map((row: AcceptanceDisc) => ({
    ...row,
    probability: row.probability === null ? null : Math.fround(row.probability),
    threshold: row.threshold === null ? null : Math.fround(row.threshold),
  }));
}

/** What is drawn of a disc: the region that the model saw, and where on the CT's slice it was measured. */
export interface DiscPictures {
  /** Null: deleted by policy. */
  readonly mrPng: Uint8Array | null;
  readonly ctSlicePng: Uint8Array | null;
  readonly ctRoiPixel: readonly [number, number, number, number] | null;
  /** [row spacing, column spacing] */
  readonly ctSpacingMm: readonly [number, number] | null;
}

export async function readDiscPictures(tx: Tx, regionId: string): Promise<DiscPictures | null> {
  const { rows } = await tx.raw(
    `SELECT r.png AS mr_png, l.slice_png AS ct_slice_png, x.roi_pixel AS ct_roi_pixel, l.pixel_spacing_mm AS ct_spacing_mm
       FROM disc_region r
       LEFT JOIN localisation l ON l.case_id = r.case_id AND l.revision = r.revision AND l.modality = 'CT'
       LEFT JOIN ct_measurement x ON x.case_id = r.case_id AND x.revision = r.revision AND x.level = r.level
      WHERE r.id = ?`,
    [regionId],
  );
  return rows[0] ?? null;
}
