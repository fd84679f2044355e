import type { Tx } from '../server/knex.js';

/** Dates are 'YYYY-MM-DD' or null, other keywords '' when the study does not carry them. */
export interface StudyRow {
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly patientName: string;
  readonly patientBirthDate: string | null;
  readonly patientSex: string;
  readonly studyId: string;
  readonly accessionNumber: string;
  readonly studyDate: string | null;
  readonly studyTime: string;
  readonly studyDescription: string;
  readonly referringPhysicianName: string;
  readonly createdAt: Date;
}

/** Dates may be given as DICOM's YYYYMMDD too. */
export type NewStudy = Pick<StudyRow, 'studyInstanceUid'> & Partial<Omit<StudyRow, 'createdAt'>>;

/**
 * The first image of a study says who it is about; what a later one says otherwise is not taken over, but noted
 * (studyIdentities.ts).
 */
export async function ensureStudy(tx: Tx, study: NewStudy): Promise<{ study: StudyRow; created: boolean }> {
  const [row] = await tx('study').insert(study).onConflict('studyInstanceUid').ignore().returning('*');
  if (row) return { study: row, created: true };
  return { study: (await findStudy(tx, study.studyInstanceUid))!, created: false };
}

/** All its images name another patient now: what they say of the study is taken over. */
export async function correctStudy(trx: Tx, { studyInstanceUid, ...said }: NewStudy): Promise<void> {
  await trx('study').where({ studyInstanceUid }).update(said);
}

export async function findStudy(tx: Tx, studyInstanceUid: string): Promise<StudyRow | null> {
  return (await tx('study').where({ studyInstanceUid }).first('*')) ?? null;
}

/** Every study of one patient: the same id from the same issuer (PS3.3 C.7.1.1). */
export function listStudiesOfPatient(
  tx: Tx,
  { patientId, issuerOfPatientId }: Pick<StudyRow, 'patientId' | 'issuerOfPatientId'>,
): Promise<StudyRow[]> {
  return tx('study').where({ patientId, issuerOfPatientId }).orderBy('studyDate').select('*');
}
