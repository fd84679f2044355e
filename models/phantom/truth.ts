import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PixelBox, PixelPoint, PointMm } from '../../agent/locate/types.js';
import type { Anatomy } from './anatomy.js';
import type { PhantomSettings } from './options.js';
import type { Pose } from './pose.js';
import type { Spine } from './spine.js';
import { column, TISSUE } from './tissues.js';
import type { Footprint } from './volume.js';

/** What was drawn: truth.json. Points in mm, LPS, of each series' own frame of reference. */
export interface PhantomTruth {
  readonly patientId: string;
  readonly seed: number;
  readonly settings: PhantomSettings;
  readonly mr: MrTruth;
  readonly ct: CtTruth;
}

interface SeriesTruth {
  readonly modality: 'MR' | 'CT';
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly date: string;
}

export interface MrTruth extends SeriesTruth {
  /** The slice that most discs' middles lie next to; index from 0 in the order of InstanceNumber. */
  readonly midSlice: { readonly index: number; readonly sopInstanceUid: string };
  readonly discs: Readonly<Record<Level, MrDiscTruth>>;
  /** Per slice, the discs it shows. */
  readonly slices: readonly {
    readonly sopInstanceUid: string;
    readonly discs: Readonly<Partial<Record<Level, DiscOnSlice>>>;
  }[];
}

export interface MrDiscTruth {
  readonly centrePatientMm: PointMm;
  readonly calcified: boolean;
  readonly herniated: boolean;
  readonly degenerate: boolean;
}

export interface DiscOnSlice {
  readonly centrePixel: PixelPoint;
  readonly boxPixel: PixelBox;
  readonly centrePatientMm: PointMm;
}

export interface CtTruth extends SeriesTruth {
  readonly discs: Readonly<Record<Level, CtDiscTruth>>;
}

/** HU of the calcification as drawn (of the disc where there is none), before partial volume, kernel and noise. */
export interface CtDiscTruth extends CtDiscMeasure {
  readonly centrePatientMm: PointMm;
  /** The voxel at the disc's middle, and its HU before rounding to the stored value. */
  readonly voxel: { readonly sopInstanceUid: string; readonly pixel: PixelPoint; readonly hu: number } | null;
}

export interface CtDiscMeasure {
  readonly calcified: boolean;
  readonly meanHu: number;
  readonly maxHu: number;
  /** On the sagittal plane where it is largest. */
  readonly areaMm2: number;
  readonly volumeMm3: number;
}

/** Unit index of each lumbar disc. */
export function discUnits(spine: Spine): ReadonlyMap<Level, number> {
  return new Map(LEVELS.map((level) => [level, spine.units.findIndex((unit) => unit.level === level)]));
}

export function byLevel<T>(make: (level: Level) => T): Record<Level, T> {
  return Object.fromEntries(LEVELS.map((level) => [level, make(level)])) as Record<Level, T>;
}

export function centreOf(anatomy: Anatomy, unit: number, pose: Pose): PointMm {
  const [, y, z] = anatomy.discCentre(unit);
  return rounded(pose.midlineToPatient(y, z));
}

export function discOnSlice(
  footprint: Footprint,
  position: PointMm,
  orientation: readonly number[],
  spacingMm: number,
): DiscOnSlice {
  const [col, row] = footprint.centre;
  const at = (axis: 0 | 1 | 2) =>
    position[axis] + (orientation[axis]! * col + orientation[axis + 3]! * row) * spacingMm;
  return {
    centrePixel: [round(col), round(row)],
    boxPixel: footprint.extent,
    centrePatientMm: rounded([at(0), at(1), at(2)]),
  };
}

/** How far around a disc's middle its calcification is looked for, and how finely. */
const SEARCH_MM = { x: 14, y: 34, z: 16 } as const;
const STEP_MM = 0.5;

/** Measures the drawn anatomy itself on a grid. */
export function measureDisc(anatomy: Anatomy, unit: number): CtDiscMeasure {
  const [, y0, z0] = anatomy.discCentre(unit);
  const calcified = new Tally();
  const disc = new Tally();
  const hu = column('hu');
  for (let x = -SEARCH_MM.x; x <= SEARCH_MM.x; x += STEP_MM) {
    for (let y = y0 - SEARCH_MM.y; y <= y0 + SEARCH_MM.y; y += STEP_MM) {
      for (let z = z0 - SEARCH_MM.z; z <= z0 + SEARCH_MM.z; z += STEP_MM) {
        anatomy.at(x, y, z);
        if (anatomy.disc !== unit) continue;
        const tally = anatomy.tissue === TISSUE.calcification ? calcified : disc;
        tally.add(x, hu[anatomy.tissue]! + anatomy.huShift);
      }
    }
  }
  const isCalcified = calcified.count > 0;
  const of = isCalcified ? calcified : disc;
  return {
    calcified: isCalcified,
    meanHu: round(of.sum / of.count),
    maxHu: round(of.most),
    areaMm2: round(calcified.largestPlane * STEP_MM ** 2),
    volumeMm3: round(calcified.count * STEP_MM ** 3),
  };
}

class Tally {
  count = 0;
  sum = 0;
  most = Number.NEGATIVE_INFINITY;
  private readonly planes = new Map<number, number>();

  add(x: number, hu: number): void {
    this.count++;
    this.sum += hu;
    this.most = Math.max(this.most, hu);
    this.planes.set(x, (this.planes.get(x) ?? 0) + 1);
  }

  get largestPlane(): number {
    return Math.max(0, ...this.planes.values());
  }
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function rounded([x, y, z]: PointMm): PointMm {
  return [round(x), round(y), round(z)];
}
