/** A coded concept (PS3.3 8.8): what it means, by which scheme. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  /** LO: at most 64 characters. */
  readonly meaning: string;
}

/** SNOMED CT. */
export const sct = (value: string, meaning: string): Code => ({ value, scheme: 'SCT', meaning });
/** DICOM's own (PS3.16 annex D). */
export const dcm = (value: string, meaning: string): Code => ({ value, scheme: 'DCM', meaning });
