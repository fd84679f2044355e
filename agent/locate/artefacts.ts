import { type DiscCandidate, patchesOf } from './candidates.js';
import { TISSUE } from './logits.js';
import type { Marked } from './network.js';
import type { SagittalImage } from './sagittal.js';
import { meanOver, tissueMask } from './tissueMask.js';

/** A void is darker than this share of the vertebrae's mean. */
const VOID_SHARE = 0.08;
/** Cortex, end plates and veins are thinner than twice this and a pixel. */
const THIN_MM = 1.5;

/**
 * The largest connected place without signal inside the vertebrae, or between neighbouring discs where metal leaves
 * no vertebra to be marked; mm2. What is thin, and discs themselves, are left out.
 * @param discs of this picture, in order along the spine
 */
export function signalVoidMm2(
  image: SagittalImage,
  marked: Marked,
  discs: readonly DiscCandidate[] = [],
): number {
  const { pixels, rows, columns } = image;
  const bone = tissueMask(image, marked, TISSUE.vertebra);
  const mean = meanOver(pixels, bone);
  if (mean === null) return 0;
  const column = bone.slice();
  for (const [i, disc] of discs.slice(1).entries()) fillBetween(column, image, discs[i]!, disc);
  const isDisc = tissueMask(image, marked, TISSUE.disc);
  const limit = VOID_SHARE * mean;
  const dark = new Uint8Array(column.length);
  for (let at = 0; at < dark.length; at++)
    if (column[at] === 1 && isDisc[at] === 0 && pixels[at]! < limit) dark[at] = 1;
  const reach = image.plane.spacingMm.map((mm) => Math.floor(THIN_MM / mm)) as [number, number];
  const thick = widened(narrowed(dark, rows, columns, reach), rows, columns, reach);
  const largest = Math.max(0, ...patchesOf(thick, 1, rows, columns).map(({ length }) => length));
  return largest * image.plane.spacingMm[0] * image.plane.spacingMm[1];
}

/** Marks the quadrilateral that two neighbouring discs span: the vertebra between them. */
function fillBetween(
  mask: Uint8Array,
  { rows, columns }: SagittalImage,
  a: DiscCandidate,
  b: DiscCandidate,
): void {
  const ends = ({ centre, extent, along }: DiscCandidate) => {
    // A little short of the rims, where the walls' own dark cortex begins.
    const half = 0.4 * (extent[2] - extent[0]);
    return [-half, half].map((s) => [centre[0] + s * along[0], centre[1] + s * along[1]] as const);
  };
  const [a0, a1] = ends(a) as [Corner, Corner];
  const [b0, b1] = ends(b) as [Corner, Corner];
  const corners = [a0, a1, b1, b0];
  const [top, bottom] = [Math.min(...corners.map((c) => c[1])), Math.max(...corners.map((c) => c[1]))];
  for (let row = Math.max(0, Math.ceil(top)); row <= Math.min(rows - 1, bottom); row++) {
    const cuts = corners.flatMap((from, i) => {
      const to = corners[(i + 1) % corners.length]!;
      const share = (row - from[1]) / (to[1] - from[1]);
      return share >= 0 && share <= 1 ? [from[0] + share * (to[0] - from[0])] : [];
    });
    if (cuts.length < 2) continue;
    const [left, right] = [
      Math.max(0, Math.ceil(Math.min(...cuts))),
      Math.min(columns - 1, Math.max(...cuts)),
    ];
    for (let col = left; col <= right; col++) mask[row * columns + col] = 1;
  }
}

type Corner = readonly [col: number, row: number];

/** 1 where all pixels of a box about it are 1; beyond the edge of the picture they count as 1. */
function narrowed(
  mask: Uint8Array,
  rows: number,
  columns: number,
  reach: readonly [number, number],
): Uint8Array {
  return inverted(widened(inverted(mask), rows, columns, reach));
}

function inverted(mask: Uint8Array): Uint8Array {
  const other = new Uint8Array(mask.length);
  for (let at = 0; at < mask.length; at++) other[at] = 1 - mask[at]!;
  return other;
}

/** 1 where any pixel of a box about it is 1: along the rows, then along the columns. */
function widened(
  mask: Uint8Array,
  rows: number,
  columns: number,
  [rowReach, colReach]: readonly [number, number],
): Uint8Array {
  const along = widenedAlong(mask, { lines: rows, length: columns, line: columns, step: 1 }, colReach);
  return widenedAlong(along, { lines: columns, length: rows, line: 1, step: columns }, rowReach);
}

/** Where the lines of a picture begin, one after the other, and how far their pixels lie apart. */
interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly line: number;
  readonly step: number;
}

/** 1 where a pixel of the same line, no farther away than `reach`, is 1. */
function widenedAlong(mask: Uint8Array, { lines, length, line, step }: Lines, reach: number): Uint8Array {
  const wide = new Uint8Array(mask.length);
  for (let i = 0; i < lines; i++)
    for (let k = 0, at = i * line, filled = 0; k < length; k++, at += step) {
      if (mask[at] === 0) continue;
      const end = Math.min(length - 1, k + reach);
      for (let to = Math.max(filled, k - reach); to <= end; to++) wide[i * line + to * step] = 1;
      filled = end + 1;
    }
  return wide;
}

/**
 * How far discs lie off the straight line between their own places in the slices on either side: the median over all
 * discs and slices, mm. A spine is smooth; slices taken one after the other while the patient moves are not.
 * @param members of each disc: position across the slices, and place in the slices' common plane, mm
 */
export function jumpMm(
  members: readonly (readonly { positionMm: number; place: readonly [along: number, down: number] }[])[],
): number | null {
  const jumps = members.flatMap((own) => {
    const sorted = [...own].sort((a, b) => a.positionMm - b.positionMm);
    return sorted.slice(1, -1).map(({ positionMm, place }, i) => {
      const [before, after] = [sorted[i]!, sorted[i + 2]!];
      const share = (positionMm - before.positionMm) / (after.positionMm - before.positionMm || 1);
      const off = ([0, 1] as const).map(
        (axis) => place[axis] - before.place[axis] * (1 - share) - after.place[axis] * share,
      );
      return Math.hypot(...off);
    });
  });
  if (jumps.length < MIN_JUMPS) return null;
  return jumps.sort((a, b) => a - b)[jumps.length >> 1]!;
}

/** Fewer tell nothing. */
const MIN_JUMPS = 6;
