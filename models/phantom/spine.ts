import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PhantomSettings } from './options.js';
import { type Random, randomFrom } from './random.js';

/** Degrees to radians. */
const DEG = Math.PI / 180;

/**
 * The spine in its own frame, millimetres: x to the left, y to posterior, z up; the origin is the middle of the
 * sacral end plate. A chain of units (body, disc, body, …) from S3 up, cut from each other by end-plate planes.
 */
export interface Unit {
  readonly name: string;
  readonly kind: 'body' | 'disc';
  readonly sacral: boolean;
  /** Middle height, between its two planes. */
  readonly heightMm: number;
  /** How much taller in front than behind. */
  readonly wedgeRad: number;
  /** The lumbar level of a disc. */
  readonly level: Level | null;
  /** Pfirrmann 1 (bright nucleus) to 5 (dark, collapsed). Discs only. */
  readonly grade: number;
  readonly osteophyteMm: number;
  /** Of this body, relative to the patient's mean. */
  readonly marrow: number;
}

/** An end plate: the border between unit i-1 and unit i. */
export interface Plane {
  readonly y: number;
  readonly z: number;
  /** Of the normal, from straight up towards anterior. */
  readonly angleRad: number;
  readonly depthMm: number;
  readonly widthMm: number;
}

export interface Spine {
  readonly units: readonly Unit[];
  readonly planes: readonly Plane[];
  /** The patient's size factor. */
  readonly size: number;
}

interface UnitSize {
  readonly name: string;
  readonly heightMm: number;
  readonly wedgeDeg: number;
  /** Of its upper end plate. */
  readonly depthMm: number;
  readonly widthMm: number;
}

/** From below up. Adult means, rounded from morphometric tables (Panjabi 1992, Been 2010); the rest is drawn. */
const SIZES: readonly UnitSize[] = [
  { name: 'S3', heightMm: 20, wedgeDeg: -8, depthMm: 13, widthMm: 40 },
  { name: 'S2-S3', heightMm: 1.6, wedgeDeg: 0, depthMm: 15, widthMm: 46 },
  { name: 'S2', heightMm: 23, wedgeDeg: 0, depthMm: 20, widthMm: 60 },
  { name: 'S1-S2', heightMm: 3.6, wedgeDeg: 2, depthMm: 23, widthMm: 70 },
  { name: 'S1', heightMm: 30, wedgeDeg: 8, depthMm: 33, widthMm: 50 },
  { name: 'L5-S1', heightMm: 10.5, wedgeDeg: 14, depthMm: 34.5, widthMm: 50 },
  { name: 'L5', heightMm: 27, wedgeDeg: 8, depthMm: 35, widthMm: 50 },
  { name: 'L4-L5', heightMm: 11.5, wedgeDeg: 11, depthMm: 35, widthMm: 49.5 },
  { name: 'L4', heightMm: 27.5, wedgeDeg: 3, depthMm: 35, widthMm: 48 },
  { name: 'L3-L4', heightMm: 11, wedgeDeg: 8, depthMm: 35, widthMm: 47.5 },
  { name: 'L3', heightMm: 27.5, wedgeDeg: 1, depthMm: 34.5, widthMm: 46 },
  { name: 'L2-L3', heightMm: 10, wedgeDeg: 6, depthMm: 34.5, widthMm: 45.5 },
  { name: 'L2', heightMm: 27, wedgeDeg: -1, depthMm: 34, widthMm: 44 },
  { name: 'L1-L2', heightMm: 8.6, wedgeDeg: 4, depthMm: 33.5, widthMm: 43.5 },
  { name: 'L1', heightMm: 26, wedgeDeg: -3, depthMm: 33, widthMm: 42 },
  { name: 'T12-L1', heightMm: 7.2, wedgeDeg: 2, depthMm: 32, widthMm: 41 },
  { name: 'T12', heightMm: 25, wedgeDeg: -4, depthMm: 31.5, widthMm: 40 },
  { name: 'T11-T12', heightMm: 5.8, wedgeDeg: 0, depthMm: 31, widthMm: 39 },
  { name: 'T11', heightMm: 23, wedgeDeg: -4, depthMm: 30, widthMm: 37 },
  { name: 'T10-T11', heightMm: 5, wedgeDeg: 0, depthMm: 30, widthMm: 36 },
  { name: 'T10', heightMm: 22, wedgeDeg: -4, depthMm: 29, widthMm: 35 },
];
/** The lower end plate of S3. */
const LOWEST = { depthMm: 9, widthMm: 30 };
/** Planes are counted from below: the sacral end plate lies between unit 4 (S1) and unit 5 (L5-S1). */
const SACRAL_PLANE = 5;
const SACRAL_SLOPE_DEG = 38;

export function drawSpine(settings: PhantomSettings): Spine {
  const random = randomFrom('spine', settings.seed);
  const size = settings.size ?? random.between(0.93, 1.06);
  const curvature = settings.curvature ?? random.between(0.82, 1.15);
  const degenerate = drawDegenerate(settings, randomFrom('degenerate', settings.seed));
  const units = SIZES.map((entry) => drawUnit(entry, random, { size, curvature, degenerate }));
  const slopeRad = (12 + (SACRAL_SLOPE_DEG - 12) * curvature + random.between(-2.5, 2.5)) * DEG;
  return { units, planes: stack(units, slopeRad, size), size };
}

interface Draw {
  readonly size: number;
  readonly curvature: number;
  readonly degenerate: ReadonlySet<string>;
}

function drawUnit(entry: UnitSize, random: Random, { size, curvature, degenerate }: Draw): Unit {
  const { name } = entry;
  const isDisc = name.includes('-');
  const sacral = name.startsWith('S');
  const worn = degenerate.has(name);
  const grade = isDisc ? (worn ? random.between(4, 5) : random.between(1.6, 3.4)) : 0;
  const narrowing = worn ? random.between(0.5, 0.72) : random.between(0.92, 1.08);
  const heightMm = entry.heightMm * size * (isDisc ? narrowing : random.between(0.97, 1.03));
  const wedgeDeg = entry.wedgeDeg * (sacral ? 1 : curvature * (worn ? 0.75 : 1)) + random.between(-0.8, 0.8);
  return {
    name,
    kind: isDisc ? 'disc' : 'body',
    sacral,
    heightMm,
    wedgeRad: wedgeDeg * DEG,
    level: LEVELS.find((level) => level === name) ?? null,
    grade,
    osteophyteMm: worn ? random.between(2, 4) : 0,
    marrow: random.between(0.92, 1.08),
  };
}

/** The lowest discs wear first. */
function drawDegenerate({ degenerate }: PhantomSettings, random: Random): ReadonlySet<string> {
  if (degenerate) return new Set(degenerate);
  const odds: Record<Level, number> = {
    'L5-S1': 0.3,
    'L4-L5': 0.3,
    'L3-L4': 0.15,
    'L2-L3': 0.1,
    'L1-L2': 0.08,
  };
  return new Set(LEVELS.filter((level) => random.chance(odds[level])));
}

/** Places the planes: each unit turns by its wedge and moves on by its height. */
function stack(units: readonly Unit[], slopeRad: number, size: number): Plane[] {
  const sizeOf = (j: number) => (j === 0 ? LOWEST : SIZES[j - 1]!);
  const plane = (j: number, y: number, z: number, angleRad: number): Plane => ({
    y,
    z,
    angleRad,
    depthMm: sizeOf(j).depthMm * size,
    widthMm: sizeOf(j).widthMm * size,
  });
  const planes: Plane[] = [];
  planes[SACRAL_PLANE] = plane(SACRAL_PLANE, 0, 0, slopeRad);
  for (let j = SACRAL_PLANE; j < units.length; j++) planes[j + 1] = step(planes[j]!, j, +1);
  for (let j = SACRAL_PLANE; j > 0; j--) planes[j - 1] = step(planes[j]!, j, -1);
  return planes;

  function step(from: Plane, j: number, up: 1 | -1): Plane {
    const unit = units[up === 1 ? j : j - 1]!;
    const angleRad = from.angleRad - up * unit.wedgeRad;
    const middle = (from.angleRad + angleRad) / 2;
    const along = up * unit.heightMm;
    return plane(j + up, from.y - Math.sin(middle) * along, from.z + Math.cos(middle) * along, angleRad);
  }
}
