import { CT_LABELS } from '../../agent/domain/ctLabels.js';
import type { ReaderRegion } from '../../db/views/readerRegions.js';
import type { ResearchCase, ResearchDisc } from '../../db/views/research.js';

/** Where pictures and labels come from; the two choices are free of each other. */
export interface Sources {
  /** The locator's regions, or those that a person drew. */
  readonly regions: 'automatic' | 'reader';
  readonly labels: 'ct' | 'reader';
}

/** Why a whole case is left out: dataset.json counts them under these names. */
export const CASE_REASONS = {
  'opted-out': 'the patient wants no part in research',
  'no-patient-id': 'without a patient id the set cannot be split by patient',
  'not-read': 'the case has not been located yet, or was parked before',
  'no-ct': 'no CT within the window, so nothing says what is calcified',
  'level-uncertain': 'the levels on the MR are not certain, or MR and CT do not agree on them',
  'ct-level-uncertain': 'the levels on the CT are not certain',
} as const;

/** Why a single disc is left out. */
export const DISC_REASONS = {
  'region-purged': 'its picture was deleted by policy (retention.regionsDays)',
  'not-measured': 'the CT does not show the disc',
  'label-indeterminate': 'CT or reader could not say',
  'no-reader-label': 'the reader drew the disc and gave it no label, or did not draw it',
  'control-not-drawn': 'not among the controls that were drawn',
} as const;

export type CaseReason = keyof typeof CASE_REASONS;
export type DiscReason = keyof typeof DISC_REASONS;

/** The first reason that holds, in the order of the table; null: the case is in. */
export function whyNotCase(row: ResearchCase, { regions, labels }: Sources): CaseReason | null {
  if (row.isOptedOut) return 'opted-out';
  if (row.patientId === '') return 'no-patient-id';
  // A person who draws and labels names the level too: neither the locator nor a CT is asked.
  if (regions === 'reader' && labels === 'reader') return null;
  if (row.mrStatus === null) return 'not-read';
  if (labels === 'ct' && row.pairingOutcome !== 'paired') return 'no-ct';
  if (row.mrStatus !== 'located') return 'level-uncertain';
  if (labels === 'ct' && row.ctStatus !== 'located') return 'ct-level-uncertain';
  return null;
}

export type DiscVerdict = { readonly isCalcified: boolean } | { readonly leftOut: DiscReason };

/** The label of one disc, or why it has none. */
export function labelOf(
  labels: Sources['labels'],
  disc: Pick<ResearchDisc, 'label'> | undefined,
  drawn: Pick<ReaderRegion, 'label'> | undefined,
): DiscVerdict {
  const label = (labels === 'ct' ? disc?.label : drawn?.label) ?? null;
  if (label === null) return { leftOut: labels === 'ct' ? 'not-measured' : 'no-reader-label' };
  const { isPresent } = CT_LABELS[label];
  return isPresent === null ? { leftOut: 'label-indeterminate' } : { isCalcified: isPresent };
}
