import { ageYears } from '../dicom/dates.js';
import type { Header } from '../dicom/header.js';

/** What is known of a series that bears on whether the models know its like. */
export interface Facts {
  readonly header: Pick<
    Header,
    'patientAge' | 'magneticFieldStrength' | 'echoTime' | 'inversionTime' | 'scanningSequence'
  > &
    Partial<Pick<Header, 'patientBirthDate' | 'acquisitionDate'>>;
  /** Between slices; null for a single one. */
  readonly sliceMm: number | null;
  readonly pixelMm: number;
  /** Mean over noise inside the vertebrae. */
  readonly signalToNoise: number | null;
  /** Largest signal void among the vertebrae, mm2. */
  readonly voidMm2: number;
  /** Signal in the air behind the back as a share of the vertebrae's; null where the picture shows too little air. */
  readonly ghostShare: number | null;
  /** How far discs jump from slice to slice; null where too few slices show them. */
  readonly jumpMm: number | null;
  /** Sideways angle between the ends of the lumbar spine, degrees. */
  readonly curveDegrees: number;
}

type Check = readonly [reason: string, isOutside: (facts: Facts) => boolean];

/** Not what the study's patients were like: each is said with the result, none withholds it. */
const CHECKS: readonly Check[] = [
  ['younger than 18 years', ({ header }) => (ageYears(header) ?? 99) < 18],
  ['field strength below 1 tesla', ({ header }) => (tesla(header.magneticFieldStrength) ?? 99) < 1],
  ['not T2-weighted by its echo time', ({ header }) => isShortEcho(header)],
  ['fat suppressed by inversion recovery', ({ header }) => header.scanningSequence.includes('IR')],
  ['slices further apart than 5.5 mm', ({ sliceMm }) => (sliceMm ?? 0) > 5.5],
  ['a single slice', ({ sliceMm }) => sliceMm === null],
  ['pixels larger than 1.2 mm', ({ pixelMm }) => pixelMm > 1.2],
  ['signal-to-noise ratio below 4', ({ signalToNoise }) => (signalToNoise ?? 99) < 4],
  ['a signal void among the vertebrae, as metal makes it', ({ voidMm2 }) => voidMm2 > 150],
  ['ghosts of motion in the air behind the back', ({ ghostShare }) => (ghostShare ?? 0) > 0.07],
  ['the patient moved between slices', ({ jumpMm }) => (jumpMm ?? 0) > 3],
  ['marked scoliosis, over 20 degrees', ({ curveDegrees }) => curveDegrees > 20],
];

/** Reasons why this patient or scan is not one the models know. */
export function outsideStudy(facts: Facts): readonly string[] {
  return CHECKS.filter(([, isOutside]) => isOutside(facts)).map(([reason]) => `outside the study: ${reason}`);
}

/** The element is in tesla; some scanners write gauss. */
function tesla(strength: number | null): number | null {
  if (strength === null || strength <= 0) return null;
  return strength > 100 ? strength / 10_000 : strength;
}

/** Spin echo below 60 ms is T1 or proton density; gradient echoes have other rules and are let be. */
function isShortEcho({ echoTime, scanningSequence }: Facts['header']): boolean {
  return echoTime !== null && echoTime > 0 && echoTime < 60 && !scanningSequence.includes('GR');
}

/**
 * The largest angle between the directions in which the row of discs runs, seen from the front (as Cobb's): between
 * any two steps.
 * @param places [across, along the spine] of the discs' middles in order, mm
 */
export function curveDegrees(places: readonly (readonly [across: number, along: number])[]): number {
  if (places.length < 4) return 0;
  const upwards = [...places].sort((a, b) => a[1] - b[1]);
  const steps = upwards
    .slice(1)
    .map((place, i) => Math.atan2(place[0] - upwards[i]![0], place[1] - upwards[i]![1]));
  return ((Math.max(...steps) - Math.min(...steps)) * 180) / Math.PI;
}
