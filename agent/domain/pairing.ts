import type { IdentityDifference } from './identity.js';
import type { NameDifference } from './names.js';

/** What became of one CT series that was weighed for an MR. */
export type CtVerdict =
  | 'chosen'
  /** It would have served; another one serves better. */
  | 'passed-over'
  | 'does-not-serve'
  | 'unreadable'
  | 'outside-window'
  | 'no-date'
  | 'identity-differs'
  | 'receiving';

/** `paired`, or why there is no CT. */
export type PairingOutcome =
  | 'paired'
  | 'no-ct'
  | 'none-serves'
  | 'outside-window'
  | 'no-date'
  | 'no-patient-id'
  | 'identity-differs'
  | 'unreadable';

/** How the CT's patient compares with the MR's, in words without names. */
export interface WeighedIdentity {
  readonly differs: readonly (IdentityDifference | 'names several patients')[];
  readonly nameDiffers: readonly NameDifference[];
  /** What a person said; null when nobody did. */
  readonly decided: 'same' | 'different' | 'released' | null;
}

/** A row of pairing.candidates. */
export interface WeighedCt {
  readonly ctSeriesInstanceUid: string;
  /** YYYY-MM-DD */
  readonly ctAcquisitionDate: string | null;
  /** CT minus MR. */
  readonly intervalDays: number | null;
  /** Older versions knew 'in-window' for what is passed over. */
  readonly verdict: CtVerdict | 'in-window';
  /** This and what follows is absent from pairings of older versions. */
  readonly identity?: WeighedIdentity;
  readonly seriesNumber?: number | null;
  readonly seriesDescription?: string;
  /** Slices, kernel, contrast agent, in words; '' for one that was not read. */
  readonly what?: string;
  /** In words, why it is not measured; '' for the chosen one. */
  readonly why?: string;
}

/** How a CT series is called: by its number and description, which the reader has before him. */
export function nameOfCt({ seriesNumber, seriesDescription }: WeighedCt): string {
  const number = seriesNumber == null ? 'a series without number' : `series ${seriesNumber}`;
  return seriesDescription ? `${number} "${seriesDescription}"` : number;
}

/** One that is not measured, with its reason. */
export function passedOverInWords(ct: WeighedCt): string {
  const when = ct.ctAcquisitionDate === null ? '' : ` of ${ct.ctAcquisitionDate}`;
  return `${nameOfCt(ct)}${when}: ${ct.why || ct.verdict}`;
}
