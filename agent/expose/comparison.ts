import type { CaseView } from '../../db/views/caseView.js';
import { CT_LABELS } from '../domain/ctLabels.js';
import type { Level } from '../domain/levels.js';

export type Measurement = CaseView['measurements'][number];

/**
 * The CT's measurement that may stand beside the model's answer. None where either side doubts its levels: they are
 * matched by level, and the report leaves the values out too (report/measurements.ts).
 */
export function measurementBeside(
  { mr, ct, measurements }: Pick<CaseView, 'mr' | 'ct' | 'measurements'>,
  level: Level,
): Measurement | null {
  if (mr?.status !== 'located' || ct?.status !== 'located') return null;
  return measurements.find((each) => each.level === level) ?? null;
}

/** Does the CT say what the model says? null where one of them does not say. */
export function agreement(
  calcified: boolean | null | undefined,
  measured: Measurement | null,
): boolean | null {
  const isPresent = measured && CT_LABELS[measured.label].isPresent;
  return calcified === undefined || calcified === null || isPresent === null ? null : calcified === isPresent;
}
