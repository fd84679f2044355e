import { ageYears } from '../dicom/dates.js';
import type { Header } from '../dicom/header.js';
import { REASON } from '../domain/locateReasons.js';

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
  /** Structure in the air behind the back as a share of the vertebrae's signal; null where the picture shows too little air. */
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
  ['ghosts of motion in the air behind the back', ({ ghostShare }) => (ghostShare ?? 0) > 0.035],
  ['the patient moved between slices', ({ jumpMm }) => (jumpMm ?? 0) > 3],
  ['marked scoliosis, over 20 degrees', ({ curveDegrees }) => curveDegrees > 20],
];

/** Reasons why this patient or scan is not one the models know. */
export function outsideStudy(facts: Facts): readonly string[] {
  return CHECKS.filter(([, isOutside]) => isOutside(facts)).map(
    ([reason]) => `${REASON.outsideStudy}: ${reason}`,
  );
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

/** A middle is mistaken that lies so far off a smooth curve through the others, which lie so near to it themselves. */
const MISTAKEN_MM = 8;
const SMOOTH_MM = 2;

/**
 * The largest angle between the directions in which the row of discs runs, seen from the front (as Cobb's): between
 * any two steps. A slip turns the canal away from behind its disc, so that the disc's middle is mistaken: such a one is
 * left out where it alone lies off the curve.
 * @param places [across, along the spine] of the discs' middles in order, mm, and whether the disc is at a slip
 */
export function curveDegrees(places: readonly Place[]): number {
  if (places.length < 4) return 0;
  const upwards = [...places].sort((a, b) => a[1] - b[1]);
  return largestBend(upwards.filter((place) => !isMistaken(place, upwards)));
}

type Place = readonly [across: number, along: number, isAtSlip?: boolean];

function isMistaken(place: Place, all: readonly Place[]): boolean {
  const others = all.filter((other) => other !== place);
  // Three lie on a parabola, whatever they are.
  if (place[2] !== true || others.length < 4) return false;
  const curve = parabolaThrough(others);
  const off = (one: Place) => Math.abs(one[0] - curve(one[1]));
  return off(place) > MISTAKEN_MM && others.every((other) => off(other) < SMOOTH_MM);
}

/** Least squares, by orthogonal polynomials over the places given. */
function parabolaThrough(places: readonly Place[]): (along: number) => number {
  const mean = (value: (place: Place) => number) =>
    places.reduce((sum, place) => sum + value(place), 0) / places.length;
  const middle = mean(([, along]) => along);
  const first = (along: number) => along - middle;
  const spread = mean(([, along]) => first(along) ** 2);
  const skew = mean(([, along]) => first(along) ** 3) / spread;
  const second = (along: number) => first(along) ** 2 - skew * first(along) - spread;
  const constant = mean(([across]) => across);
  const slope = mean(([across, along]) => across * first(along)) / spread;
  const bend = mean(([across, along]) => across * second(along)) / mean(([, along]) => second(along) ** 2);
  return (along) => constant + slope * first(along) + bend * second(along);
}

function largestBend(upwards: readonly Place[]): number {
  const steps = upwards
    .slice(1)
    .map((place, i) => Math.atan2(place[0] - upwards[i]![0], place[1] - upwards[i]![1]));
  return ((Math.max(...steps) - Math.min(...steps)) * 180) / Math.PI;
}
