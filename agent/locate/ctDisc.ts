import { add, indexToPatient, mapVector, patientToIndex, scale, type Vector } from '../dicom/geometry.js';
import type { CtFacts } from '../domain/ctReading.js';
import { type Ground, statedConfidence } from '../domain/levelConfidence.js';
import type { DiscCandidate } from './candidates.js';
import type { CtVolume } from './ctVolume.js';
import { tidy } from './cut.js';
import { discZone, midSurface, ZONE } from './discZone.js';
import { LEVEL_OF_RANK } from './doubts.js';
import { type Measurement, measure, measureBesideContrast, type Reference } from './hounsfield.js';
import { isLigament } from './ligament.js';
import type { LocateContext, Look, LumbarDisc } from './looks.js';
import { REFORMAT_MM, type Scout } from './reformat.js';
import { regionOf } from './region.js';
import type { CtDisc, CtLocation } from './types.js';
import { voxelsIn, type ZoneAt } from './voxels.js';

/** The planes of the fine look lie so far apart. */
export const PLANE_STEP_MM = 3;
/** Calcified herniations lie in or beside the canal; further out facets and the sacrum's wings are bone. */
const MEASURED_REACH_MM = 18;
/** Pixels of the reformat about a disc's zone in which bone is looked for. */
const BONE_MARGIN = 8;

/** A CT whose planes have been looked at. */
export interface CtScan {
  readonly volume: CtVolume;
  readonly scout: Scout;
  readonly planes: readonly Look[];
  /** Into the planes: the one to be shown. */
  readonly middle: number;
  /** What the levels' confidence rests on. */
  readonly ground: Ground;
  readonly facts: Pick<CtFacts, 'contrast'>;
}

/** One disc as it is printed; null when the plane shown does not cut it. */
export function describeDisc(
  disc: LumbarDisc,
  scan: CtScan,
  { marginMm, reference }: Pick<LocateContext, 'marginMm' | 'reference'>,
): CtDisc | null {
  const { members } = disc.track;
  const own = members.find(({ slice }) => slice === scan.middle);
  if (!own) return null;
  const { plane } = scan.planes[scan.middle]!.image;
  const centreMm = centreBetweenPlates(members, scan.planes);
  const [col, row] = patientToIndex(plane, centreMm);
  const inReach = members.filter(
    ({ slice }) => Math.abs(scan.planes[slice]!.positionMm - centreMm[0]) <= MEASURED_REACH_MM,
  );
  const measured = measureDisc(inReach, scan, reference);
  const isOther = isOssifiedLigament(disc, measured, scan, reference);
  return {
    level: LEVEL_OF_RANK[disc.rank]!,
    centrePatientMm: mapVector(centreMm, tidy),
    centrePixel: [tidy(col), tidy(row)],
    roiPixel: mapVector(regionOf(own.extent, plane.spacingMm, marginMm), tidy),
    confidence: statedConfidence(disc.confidence, scan.ground),
    label: isOther ? 'indeterminate' : measured.label,
    meanHu: measured.meanHu === null ? null : tidy(measured.meanHu),
    maxHu: measured.maxHu === null ? null : tidy(measured.maxHu),
    areaMm2: tidy(measured.areaMm2),
    volumeMm3: tidy(measured.volumeMm3),
    location: measured.centreMm && locationOf(measured.centreMm, members),
    ...(isOther ? { finding: OSSIFIED_LIGAMENT } : {}),
  };
}

const OSSIFIED_LIGAMENT =
  'bone behind the disc and the vertebrae alike, as in an ossified posterior longitudinal ligament: not counted as a calcified disc';

function isOssifiedLigament(
  { track }: LumbarDisc,
  { label, centreMm }: Measurement,
  { planes, facts }: CtScan,
  { huLow }: Reference,
): boolean {
  // Contrast in the sac is as dense, all along the canal.
  if (label !== 'calcified' || centreMm === null || facts.contrast === 'intrathecal') return false;
  return isLigament(planes, centreMm, track.direction, huLow);
}

/** Thirds of the disc from front to back, by the planes' own direction of the disc. */
function locationOf(centreMm: Vector, members: readonly DiscCandidate[]): CtLocation {
  const nearest = members.reduce((best, one) =>
    Math.abs(one.centreMm[0] - centreMm[0]) < Math.abs(best.centreMm[0] - centreMm[0]) ? one : best,
  );
  const half = ((nearest.extent[2] - nearest.extent[0]) / 2) * REFORMAT_MM;
  const share = (centreMm[1] - nearest.centreMm[1]) / half;
  return share > 1 / 3 ? 'posterior' : share < -1 / 3 ? 'anterior' : 'central';
}

/** The middle of the disc in space: midway between the end plates, over all of the disc that the planes show. */
function centreBetweenPlates(members: readonly DiscCandidate[], planes: readonly Look[]): Vector {
  let sum: Vector = [0, 0, 0];
  let all = 0;
  for (const { slice, pixels, canalBehind } of members) {
    const { image, marked } = planes[slice]!;
    const { col, row, count } = midSurface(pixels, marked.columns);
    const point = indexToPatient(image.plane, col, row);
    // The planes need not reach to both ends of the disc: the canal behind it tells its middle.
    const weight = count * (0.02 + canalBehind ** 2);
    sum = add(sum, scale(point, weight));
    all += weight;
  }
  return mapVector(sum, (mm) => mm / all);
}

const UNMEASURED: Measurement = {
  label: 'indeterminate',
  meanHu: null,
  maxHu: null,
  areaMm2: 0,
  volumeMm3: 0,
  centreMm: null,
};

/** The zone of each plane holds for the voxels up to half way to the next plane. */
function measureDisc(members: readonly DiscCandidate[], scan: CtScan, reference: Reference): Measurement {
  const { planes, volume, facts } = scan;
  const zones = new Map(
    members.map((one) => [one.slice, discZone(planes[one.slice]!.marked, one, volume.sliceMm)] as const),
  );
  const bounds = boundsOf([...zones.values()], planes[0]!.image.columns);
  if (!bounds) return UNMEASURED;
  const { minRow, maxRow, minCol, maxCol } = bounds;
  const xs = members.map(({ slice }) => planes[slice]!.positionMm);
  const top = planes[0]!.image.plane.origin[2];
  const yOf = (col: number) => scan.scout.fromY + col * REFORMAT_MM;
  const zOf = (row: number) => top - row * REFORMAT_MM;
  const box = voxelsIn(
    volume,
    [Math.min(...xs) - PLANE_STEP_MM / 2, yOf(minCol - BONE_MARGIN), zOf(maxRow + BONE_MARGIN)],
    [Math.max(...xs) + PLANE_STEP_MM / 2, yOf(maxCol + BONE_MARGIN), zOf(minRow - BONE_MARGIN)],
    zoneAt(zones, scan),
  );
  if (!box) return UNMEASURED;
  return facts.contrast === 'intrathecal' ? measureBesideContrast(box, reference) : measure(box, reference);
}

type Zone = ReturnType<typeof discZone>;

/** The zone of any point of the patient, mm. */
function zoneAt(zones: ReadonlyMap<number, Zone>, { planes, scout }: CtScan): ZoneAt {
  const { rows, columns, plane } = planes[0]!.image;
  const zoneOf = planes.map((_, i) => zones.get(i));
  const [x0, y0, top] = [planes[0]!.positionMm, scout.fromY, plane.origin[2]];
  return (x, y, z) => {
    const zone = zoneOf[Math.floor((x - x0) / PLANE_STEP_MM + 0.5)];
    if (zone === undefined) return ZONE.none;
    const col = Math.floor((y - y0) / REFORMAT_MM + 0.5);
    const row = Math.floor((top - z) / REFORMAT_MM + 0.5);
    if (col < 0 || row < 0 || col >= columns || row >= rows) return ZONE.none;
    return zone[row * columns + col]!;
  };
}

/** The pixels of the disc and of what lies behind it, over all planes; null when there are none. */
function boundsOf(zones: readonly Zone[], columns: number) {
  let [minRow, maxRow, minCol, maxCol] = [Infinity, -Infinity, Infinity, -Infinity];
  // Hundreds of thousands of pixels a disc: plain loops, nothing allocated.
  for (const zone of zones)
    for (let row = 0, at = 0; at < zone.length; row++)
      for (let col = 0; col < columns; col++, at++) {
        if (zone[at] !== ZONE.disc && zone[at] !== ZONE.behind) continue;
        if (row < minRow) minRow = row;
        if (row > maxRow) maxRow = row;
        if (col < minCol) minCol = col;
        if (col > maxCol) maxCol = col;
      }
  return maxRow < 0 ? null : { minRow, maxRow, minCol, maxCol };
}
