import type { Answer } from '../../agent/domain/answers.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { PatientIdentity } from '../../agent/domain/identity.js';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/** One disc of one study of a patient. The CT is silent where either side doubts its levels. */
export interface PatientDisc {
  readonly level: Level;
  readonly probability: number | null;
  readonly threshold: number | null;
  readonly answer: Answer | null;
  /** `resnet34 4` */
  readonly model: string | null;
  readonly ctLabel: CtLabel | null;
  readonly meanHu: number | null;
  readonly maxHu: number | null;
}

export interface PatientCase extends PatientIdentity {
  readonly id: string;
  readonly state: CaseState;
  /** Of the MR. */
  readonly mrDate: string | null;
  readonly ctDate: string | null;
  readonly isUncertain: boolean;
  readonly discs: readonly PatientDisc[];
}

const DISCS = `
  SELECT coalesce(jsonb_agg(jsonb_build_object('level', d.level, 'probability', d.probability, 'threshold', d.threshold,
           'answer', d.answer, 'model', d.model, 'ctLabel', d.label, 'meanHu', d.mean_hu, 'maxHu', d.max_hu)
           ORDER BY ${levelOrder('d.level')}), '[]') AS discs
    FROM (SELECT r.level, i.probability, i.threshold, i.answer, m.name || ' ' || m.version AS model, x.label, x.mean_hu, x.max_hu
            FROM disc_region r
            LEFT JOIN inference i ON i.disc_region_id = r.id AND i.role = 'active'
            LEFT JOIN model m ON m.id = i.model_id
            LEFT JOIN ct_measurement x ON x.case_id = r.case_id AND x.revision = r.revision AND x.level = r.level
                  AND l.status = 'located' AND lct.status = 'located'
           WHERE r.case_id = c.id AND r.revision = c.revision) d`;

/**
 * The cases of the newest studies under a patient ID, the oldest first: of whoever bears that ID; whether they are one person
 * is for the caller to say.
 * @param limit of them, from the newest
 */
export async function listCasesUnderPatientId(
  tx: Tx,
  patientId: string,
  limit: number,
): Promise<PatientCase[]> {
  if (patientId === '') return [];
  const { rows } = await tx.raw(
    `SELECT c.id, c.state, s.patient_id, s.issuer_of_patient_id, s.patient_name, s.patient_birth_date, s.patient_sex,
            mr.acquisition_date AS mr_date, p.ct_acquisition_date AS ct_date,
            coalesce(l.status <> 'located', false) AS is_uncertain, f.discs
       FROM study s
       JOIN "case" c ON c.mr_study_instance_uid = s.study_instance_uid AND c.joined_into IS NULL
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      CROSS JOIN LATERAL (${DISCS}) f
      WHERE s.patient_id = :patientId
      ORDER BY mr.acquisition_date DESC NULLS LAST, c.created_at DESC LIMIT :limit`,
    { patientId, limit },
  );
  return rows.toReversed();
}
