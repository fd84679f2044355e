import { compareNames, type NameDifference } from './names.js';

/** Who an image, or a study, says its patient is (PS3.3 C.7.1.1). */
export interface PatientIdentity {
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly patientName: string;
  /** YYYY-MM-DD */
  readonly patientBirthDate: string | null;
  /** M or F; anything else says nothing. */
  readonly patientSex: string;
}

/** In what two identities contradict each other. */
export type IdentityDifference = 'patient ID' | 'issuer of patient ID' | 'birth date' | 'sex' | 'name';

export interface IdentityComparison {
  /** Nothing contradicts it; what is unknown on one side agrees. */
  readonly isSame: boolean;
  readonly differs: readonly IdentityDifference[];
  /** How the names are written differently, of one person too. */
  readonly nameDiffers: readonly NameDifference[];
}

/**
 * The same patient ID is not yet the same person: issuers, birth dates and sexes that are both known must agree. They
 * weigh more than the spelling of a name: one that is merely alike is the same person's where the birth dates agree,
 * and in doubt where one is unknown.
 */
export function comparePersons(a: PatientIdentity, b: PatientIdentity): IdentityComparison {
  const names = compareNames(a.patientName, b.patientName);
  const isBornAlike = a.patientBirthDate !== null && a.patientBirthDate === b.patientBirthDate;
  const contradicts = {
    'patient ID': a.patientId !== b.patientId,
    'issuer of patient ID': differ(plain(a.issuerOfPatientId), plain(b.issuerOfPatientId)),
    'birth date': differ(a.patientBirthDate ?? '', b.patientBirthDate ?? ''),
    sex: differ(knownSex(a.patientSex), knownSex(b.patientSex)),
    name: names.verdict === 'unlike' || (names.verdict === 'alike' && !isBornAlike),
  } as const satisfies Record<IdentityDifference, boolean>;
  const differs = (Object.keys(contradicts) as IdentityDifference[]).filter((each) => contradicts[each]);
  return { isSame: differs.length === 0, differs, nameDiffers: names.how };
}

export function samePerson(a: PatientIdentity, b: PatientIdentity): boolean {
  return comparePersons(a, b).isSame;
}

/** Whether all may be one person: each agrees with each, for what is unknown to one agrees with two that differ. */
export function isOnePerson(identities: readonly PatientIdentity[]): boolean {
  return identities.every((one, i) => identities.slice(i + 1).every((other) => samePerson(one, other)));
}

function differ(a: string, b: string): boolean {
  return a !== '' && b !== '' && a !== b;
}

function plain(issuer: string): string {
  return issuer.trim().toUpperCase();
}

function knownSex(sex: string): string {
  const letter = sex.trim().toUpperCase();
  return letter === 'M' || letter === 'F' ? letter : '';
}
