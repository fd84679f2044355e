import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Axes, axesOf } from '../../agent/locate/candidates.js';
import { bilinear } from '../../agent/locate/resample.js';
import { randomFrom } from '../../models/phantom/random.js';
import { bent } from './bentSlices.js';
import type { Slice } from './locateVariants.js';

/** The label masks' value for disc. */
const DISC = 29;
/** How the painted disc is: as calcidisc_training/spine/residual_disc.py, from which networks know such discs. */
interface Kind {
  /** Of the sacrum's depth there. */
  readonly length: readonly [number, number];
  /** Of the disc it is copied from. */
  readonly height: readonly [number, number];
  readonly isTapered: boolean;
  /** How much deeper the sacrum is made there ("squared"). */
  readonly squaring: readonly [number, number] | null;
}
const RESIDUAL: Kind = { length: [0.65, 1], height: [0.4, 0.8], isTapered: true, squaring: null };
const WHOLE: Kind = { length: [0.95, 1.08], height: [0.8, 1.1], isTapered: false, squaring: [0.3, 0.6] };
/** Reach of the squaring up and down the sacrum, and beyond its depth: standard deviations. */
const SQUARED_MM = [13, 22] as const;
const SOURCES = ['L5-S1', 'L4-L5', 'L3-L4', 'L2-L3'];
/** Where S1 meets S2, front and back of the sacrum on the middle slice, [row, column] at this spacing. */
const PLACES = fileURLToPath(
  new URL('../../../models/training/calcidisc_training/spine/sacral_discs.json', import.meta.url),
);
const PLACES_MM = 0.94;
/** Soft edge of the patch, pixels. */
const EDGE = 2;

type Point = readonly [col: number, row: number];

/**
 * A residual disc between S1 and S2, painted at one place into all slices as a shortened copy of one of the spine's
 * own discs: what must not be taken for L5-S1. By the label mask; empty for a patient whose S1-S2 is not marked.
 */
export function withResidualDisc(slices: readonly Slice[], patient: string): Slice[] {
  return withDisc(slices, patient, RESIDUAL);
}

/** A whole disc there, in a squared sacrum: six lumbar-type discs, the names given by what was there before. */
export function withWholeDisc(slices: readonly Slice[], patient: string): Slice[] {
  return withDisc(slices, patient, WHOLE);
}

function withDisc(plain: readonly Slice[], patient: string, kind: Kind): Slice[] {
  const ends = placeOf(patient);
  if (!ends) return [];
  const scale = PLACES_MM / plain[0]!.spacingMm;
  const [front, back] = ends.map(
    ([row, col]): Point => [(col + 0.5) * scale - 0.5, (row + 0.5) * scale - 0.5],
  ) as [Point, Point];
  const random = randomFrom('residual disc', plain[0]!.sopInstanceUid);
  const within = ([from, to]: readonly [number, number]) => random.between(from, to);
  const source = SOURCES[Math.floor(within([0, SOURCES.length]))]!;
  const depth = Math.hypot(back[0] - front[0], back[1] - front[1]);
  const place: Point = [(front[0] + back[0]) / 2, (front[1] + back[1]) / 2];
  const axis: Point = [(back[0] - front[0]) / depth, (back[1] - front[1]) / depth];
  const gain = kind.squaring ? within(kind.squaring) : 0;
  const slices = gain > 0 ? squared(plain, { centre: place, along: axis }, gain) : plain;
  const copy = {
    place,
    axis,
    lengthPx: depth * (1 + gain) * within(kind.length),
    height: within(kind.height),
    isTapered: kind.isTapered,
  };
  return slices.map((slice) => painted(slice, discPixels(slice, source), copy));
}

function placeOf(patient: string): readonly Point[] | null {
  const places: Readonly<Record<string, readonly Point[]>> = JSON.parse(readFileSync(PLACES, 'utf8'));
  return places[patient] ?? null;
}

interface Copy {
  readonly place: Point;
  readonly axis: Point;
  readonly lengthPx: number;
  /** Against the source's. */
  readonly height: number;
  readonly isTapered: boolean;
}

/** The slices stretched along the disc to be, most at its place. */
function squared(slices: readonly Slice[], axes: Axes, gain: number): Slice[] {
  const { spacingMm } = slices[0]!;
  const [up, beyond] = SQUARED_MM;
  return bent(slices, axes, (t, s) => {
    const far = ((s * spacingMm) / up) ** 2 + ((t * spacingMm) / (up + beyond)) ** 2;
    return [t / (1 + gain * Math.exp(-0.5 * far)), s];
  });
}

function painted(slice: Slice, source: Int32Array, copy: Copy): Slice {
  if (source.length === 0) return slice;
  const { place, axis, lengthPx, height, isTapered } = copy;
  const { rows, columns } = slice;
  const from = axesOf(source, columns);
  const [normal, fromNormal] = [downFrom(axis), downFrom(from.along)];
  const half = halfLength(source, columns, from);
  const length = lengthPx / (2 * half);
  const cover = softened(source, rows, columns);
  const pixels = slice.pixels.slice();
  for (let i = 0; i < pixels.length; i++) {
    const off: Point = [(i % columns) - place[0], Math.floor(i / columns) - place[1]];
    const t = (off[0] * axis[0] + off[1] * axis[1]) / length;
    const taper = !isTapered ? 1 : Math.sqrt(Math.max(0.04, 1 - (t / (1.05 * half)) ** 2));
    const s = (off[0] * normal[0] + off[1] * normal[1]) / height / taper;
    const col = from.centre[0] + t * from.along[0] + s * fromNormal[0];
    const row = from.centre[1] + t * from.along[1] + s * fromNormal[1];
    if (col < 0 || row < 0 || col > columns - 1 || row > rows - 1) continue;
    const share = slice.mask![i] === 0 ? bilinear({ pixels: cover, rows, columns }, col, row) : 0;
    if (share > 0) pixels[i] = pixels[i]! * (1 - share) + share * bilinear(slice, col, row);
  }
  return { ...slice, pixels };
}

/** 1 on the pixels, falling to 0 over EDGE pixels around them. */
function softened(pixels: Int32Array, rows: number, columns: number): Float32Array {
  const cover = new Float32Array(rows * columns);
  for (const at of pixels)
    for (let y = -EDGE; y <= EDGE; y++)
      for (let x = -EDGE; x <= EDGE; x++) {
        const to = at + y * columns + x;
        const share = Math.max(0, 1 - Math.hypot(x, y) / (EDGE + 1));
        if (to >= 0 && to < cover.length) cover[to] = Math.max(cover[to]!, share);
      }
  return cover;
}

/** Disc pixels of the mask inside the level's true box. */
export function discPixels({ mask, columns, discs }: Slice, level: string): Int32Array {
  const box = discs.find((disc) => disc.level === level)?.boxPixel;
  if (!mask || !box) return new Int32Array();
  const found: number[] = [];
  for (let row = Math.ceil(box[1]); row <= box[3]; row++)
    for (let col = Math.ceil(box[0]); col <= box[2]; col++)
      if (mask[row * columns + col] === DISC) found.push(row * columns + col);
  return Int32Array.from(found);
}

function halfLength(pixels: Int32Array, columns: number, { centre, along }: Axes): number {
  return pixels.reduce((most, at) => {
    const off = [(at % columns) - centre[0], Math.floor(at / columns) - centre[1]] as const;
    return Math.max(most, Math.abs(off[0] * along[0] + off[1] * along[1]));
  }, 1);
}

/** At a right angle to a direction to posterior, downwards. */
function downFrom([col, row]: Point): Point {
  return [-row, col];
}
