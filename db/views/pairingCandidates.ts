import type { Tx } from '../server/knex.js';

/** A patient's series in one role, with what pairing weighs. */
export interface PairingCandidateRow {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly state: 'receiving' | 'complete';
  readonly acquisitionDate: string | null;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly patientName: string;
  readonly patientBirthDate: string | null;
  readonly patientSex: string;
  /** In how many ways the images of its study name their patient. */
  readonly identityCount: number;
  readonly instanceCount: number;
}

/** By patient ID alone: whether issuer, name and birth date agree is the pairing's to decide, and to record. */
export async function listPairingCandidates(
  tx: Tx,
  patientId: string,
  role: 'mr' | 'ct',
): Promise<PairingCandidateRow[]> {
  const { rows } = await tx.raw(
    `SELECT s.series_instance_uid, s.study_instance_uid, s.series_number, s.series_description, s.state,
            s.acquisition_date,
            st.patient_id, st.issuer_of_patient_id, st.patient_name, st.patient_birth_date,
            st.patient_sex,
            count(i.sop_instance_uid)::integer AS instance_count,
            (SELECT count(*)::integer FROM study_identity d WHERE d.study_instance_uid = st.study_instance_uid
                AND EXISTS (SELECT FROM instance n WHERE n.identity_id = d.id)) AS identity_count
       FROM series s
       JOIN study st USING (study_instance_uid)
       LEFT JOIN instance i USING (series_instance_uid)
      WHERE st.patient_id = ? AND s.role = ?
      GROUP BY s.series_instance_uid, st.study_instance_uid
      ORDER BY s.series_instance_uid`,
    [patientId, role],
  );
  return rows;
}

/**
 * When the last image came of a CT of a study's patient, milliseconds since the epoch; 0 when there is none.
 */
export async function lastCtOfPatient(tx: Tx, studyInstanceUid: string): Promise<number> {
  const { rows } = await tx.raw(
    `SELECT max(s.last_received_at) AS last FROM study mr
       JOIN study st ON st.patient_id = mr.patient_id AND st.patient_id <> ''
       JOIN series s ON s.study_instance_uid = st.study_instance_uid AND s.role = 'ct'
      WHERE mr.study_instance_uid = ?`,
    [studyInstanceUid],
  );
  const last: Date | null = rows[0]?.last ?? null;
  return last?.getTime() ?? 0;
}
