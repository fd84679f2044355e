/** Who an image, or a study, says its patient is (PS3.3 C.7.1.1). */
export interface PatientIdentity {
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly patientName: string;
  /** YYYY-MM-DD */
  readonly patientBirthDate: string | null;
}

/**
 * The same patient ID is not yet the same person: issuers, names and birth dates that are both known must agree.
 * Names are compared without case, accents, empty components and trailing carets (PS3.5 6.2.1).
 */
export function samePerson(a: PatientIdentity, b: PatientIdentity): boolean {
  const agree = (x: string, y: string) => x === '' || y === '' || x === y;
  return (
    a.patientId === b.patientId &&
    agree(a.issuerOfPatientId, b.issuerOfPatientId) &&
    agree(a.patientBirthDate ?? '', b.patientBirthDate ?? '') &&
    agree(plainName(a.patientName), plainName(b.patientName))
  );
}

/** Whether all may be one person: each agrees with each, for what is unknown to one agrees with two that differ. */
export function isOnePerson(identities: readonly PatientIdentity[]): boolean {
  return identities.every((one, i) => identities.slice(i + 1).every((other) => samePerson(one, other)));
}

function plainName(name: string): string {
  const alphabetic = name.split('=')[0] ?? '';
  return alphabetic
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toUpperCase()
    .replace(/[\s^,]+/g, ' ')
    .trim();
}
