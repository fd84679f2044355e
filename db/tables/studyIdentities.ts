import { randomUUID } from 'node:crypto';
import type { PatientIdentity } from '../../agent/domain/identity.js';
import type { Tx } from '../server/knex.js';

/** One way in which images of a study name their patient. */
export interface StudyIdentityRow extends PatientIdentity {
  readonly id: string;
  readonly studyInstanceUid: string;
  readonly firstReceivedAt: Date;
}

/** With how many of the study's images name it so. */
export interface CarriedIdentity extends StudyIdentityRow {
  readonly instances: number;
}

export async function ensureIdentity(
  trx: Tx,
  studyInstanceUid: string,
  { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex }: PatientIdentity,
): Promise<{ id: string; created: boolean }> {
  const named = { studyInstanceUid, patientId, issuerOfPatientId, patientName, patientSex };
  const [row] = await trx('studyIdentity')
    .insert({ id: randomUUID(), ...named, patientBirthDate })
    .onConflict()
    .ignore()
    .returning('id');
  if (row) return { id: row.id, created: true };
  const known = await trx('studyIdentity')
    .where(named)
    .whereRaw('patient_birth_date IS NOT DISTINCT FROM ?::date', [patientBirthDate])
    .first('id');
  return { id: known.id, created: false };
}

/** The identities that images of the study carry now, the first to come first; one is the rule. */
export async function listIdentities(tx: Tx, studyInstanceUid: string): Promise<CarriedIdentity[]> {
  const { rows } = await tx.raw(
    `SELECT i.*, count(n.sop_instance_uid)::integer AS instances
       FROM study_identity i JOIN instance n ON n.identity_id = i.id
      WHERE i.study_instance_uid = ?
      GROUP BY i.id ORDER BY min(n.received_at), i.id`,
    [studyInstanceUid],
  );
  return rows;
}

export async function findIdentity(tx: Tx, id: string): Promise<StudyIdentityRow | null> {
  return (await tx('studyIdentity').where({ id }).first('*')) ?? null;
}
