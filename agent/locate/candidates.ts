import { indexToPatient, type Vector } from '../dicom/geometry.js';
import { LEVEL_CLASSES, TISSUE } from './logits.js';
import type { Marked } from './network.js';
import { percentileOfSorted } from './resample.js';
import type { SagittalImage } from './sagittal.js';
import type { PixelBox, PixelPoint } from './types.js';

/** Shares (0..1) of what lies beside a disc; they need not add up to 1. */
export interface Surroundings {
  readonly vertebra: number;
  /** The level head's "below L5-S1" where the tissue head sees no lumbar vertebra. */
  readonly sacrum: number;
  readonly outside: number;
}

/** A disc-like patch in one picture; pixel units are the picture's. */
export interface DiscCandidate {
  /** Index into the pictures given. */
  readonly slice: number;
  readonly centre: PixelPoint;
  readonly centreMm: Vector;
  /** 2nd to 98th percentile of the patch's pixel centres. */
  readonly extent: PixelBox;
  readonly areaMm2: number;
  /** Mean probability of being disc. */
  readonly discShare: number;
  /** Mean softmax of the level head, LEVEL_CLASSES values. */
  readonly levelShares: readonly number[];
  readonly above: Surroundings;
  readonly below: Surroundings;
  /** How far the picture reaches beyond the disc's centre, downwards at a right angle to the disc, mm. */
  readonly roomBelowMm: number;
  /** Unit vector along the disc to posterior, [column, row]. */
  readonly along: PixelPoint;
  /** From 2nd to 98th percentile of the patch along that, mm. */
  readonly lengthMm: number;
  /** Share of the place behind the disc that is canal, 0..1: high near the midline only. */
  readonly canalBehind: number;
  /** Indices into the network's grid. */
  readonly pixels: Int32Array;
}

const MIN_AREA_MM2 = 30;
/** Two patches nearer than two discs can be are one disc (a fragment behind, a cleft). */
const SAME_DISC_ROWS_MM = 12;
const SAME_DISC_MM = 32;

/** The disc-like patches of one picture, lowest first. */
export function candidatesOf(marked: Marked, image: SagittalImage, slice: number): readonly DiscCandidate[] {
  const patches = joinPieces(patchesOf(marked.tissue, TISSUE.disc, marked.rows, marked.columns), marked);
  return patches
    .map((pixels) => candidateOf(pixels, marked, image, slice))
    .sort((a, b) => b.centre[1] - a.centre[1]);
}

/** 4-connected patches of one class, as pixel indices. */
export function patchesOf(
  classes: Uint8Array,
  wanted: number,
  rows: number,
  columns: number,
): readonly Int32Array[] {
  const seen = new Uint8Array(classes.length);
  const queue = queueOf(classes.length);
  const patches: Int32Array[] = [];
  for (let first = 0; first < classes.length; first++) {
    if (classes[first] !== wanted || seen[first]) continue;
    let length = 1;
    queue[0] = first;
    seen[first] = 1;
    for (let head = 0; head < length; head++) {
      const at = queue[head]!;
      const col = at % columns;
      const neighbours = [
        at - columns,
        at + columns,
        col > 0 ? at - 1 : -1,
        col < columns - 1 ? at + 1 : -1,
      ] as const;
      for (let k = 0; k < 4; k++) {
        const next = neighbours[k]!;
        if (next < 0 || next >= rows * columns || classes[next] !== wanted || seen[next]) continue;
        seen[next] = 1;
        queue[length++] = next;
      }
    }
    patches.push(queue.slice(0, length));
  }
  return patches;
}

let queueKept = new Int32Array(0);

/** Room that every call wants, kept from one to the next. */
function queueOf(length: number): Int32Array {
  if (queueKept.length < length) queueKept = new Int32Array(length);
  return queueKept;
}

function joinPieces(patches: readonly Int32Array[], marked: Marked): readonly Int32Array[] {
  const pixelArea = marked.spacingMm ** 2;
  const discs: { pixels: Int32Array; centre: PixelPoint }[] = [];
  const large = patches
    .filter(({ length }) => length * pixelArea >= MIN_AREA_MM2 / 2)
    .sort((a, b) => b.length - a.length);
  for (const patch of large) {
    const centre = centreOf(patch, marked.columns);
    const home = discs.find(({ centre: other }) => {
      const rowsMm = Math.abs(other[1] - centre[1]) * marked.spacingMm;
      const apartMm = Math.hypot(other[0] - centre[0], other[1] - centre[1]) * marked.spacingMm;
      return rowsMm < SAME_DISC_ROWS_MM && apartMm < SAME_DISC_MM;
    });
    if (home) {
      const joined = new Int32Array(home.pixels.length + patch.length);
      joined.set(home.pixels);
      joined.set(patch, home.pixels.length);
      home.pixels = joined;
      home.centre = centreOf(joined, marked.columns);
    } else if (patch.length * pixelArea >= MIN_AREA_MM2) discs.push({ pixels: patch, centre });
  }
  return discs.map(({ pixels }) => pixels);
}

function candidateOf(pixels: Int32Array, marked: Marked, image: SagittalImage, slice: number): DiscCandidate {
  const toPicture = ([col, row]: PixelPoint): PixelPoint => [
    (col + 0.5) * marked.colScale - 0.5,
    (row + 0.5) * marked.rowScale - 0.5,
  ];
  const rows = new Float64Array(pixels.length);
  const cols = new Float64Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    rows[i] = Math.floor(pixels[i]! / marked.columns);
    cols[i] = pixels[i]! % marked.columns;
  }
  rows.sort();
  cols.sort();
  const centre = toPicture(centreOf(pixels, marked.columns));
  const low = toPicture([percentileOfSorted(cols, 2), percentileOfSorted(rows, 2)]);
  const high = toPicture([percentileOfSorted(cols, 98), percentileOfSorted(rows, 98)]);
  let discShare = 0;
  for (let i = 0; i < pixels.length; i++) {
    const [row, column] = [Math.floor(pixels[i]! / marked.columns), pixels[i]! % marked.columns];
    discShare += marked.discShareAt(row, column) / pixels.length;
  }
  const axes = axesOf(pixels, marked.columns);
  const reach = reachOf(axes, pixels, marked.columns);
  return {
    slice,
    centre,
    centreMm: indexToPatient(image.plane, ...centre),
    extent: [...low, ...high],
    areaMm2: pixels.length * marked.spacingMm ** 2,
    discShare,
    levelShares: levelShares(pixels, marked),
    above: surroundings(axes, marked, -1),
    below: surroundings(axes, marked, 1),
    roomBelowMm: roomBelowMm(axes, marked),
    along: axes.along,
    lengthMm: (percentileOfSorted(reach, 98) - percentileOfSorted(reach, 2)) * marked.spacingMm,
    canalBehind: canalBehind(axes, percentileOfSorted(reach, 98), marked),
    pixels,
  };
}

function centreOf(pixels: Int32Array, columns: number): PixelPoint {
  let row = 0;
  let col = 0;
  for (const at of pixels) {
    row += Math.floor(at / columns);
    col += at % columns;
  }
  return [col / pixels.length, row / pixels.length];
}

function levelShares(pixels: Int32Array, { levelsAt, columns }: Marked): readonly number[] {
  const shares = new Array<number>(LEVEL_CLASSES).fill(0);
  const exps = new Float64Array(LEVEL_CLASSES);
  for (const at of pixels) {
    levelsAt(Math.floor(at / columns), at % columns, exps);
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < LEVEL_CLASSES; k++) top = Math.max(top, exps[k]!);
    let sum = 0;
    for (let k = 0; k < LEVEL_CLASSES; k++) {
      exps[k] = Math.exp(exps[k]! - top);
      sum += exps[k]!;
    }
    for (let k = 0; k < LEVEL_CLASSES; k++) shares[k]! += exps[k]! / sum / pixels.length;
  }
  return shares;
}

export interface Axes {
  readonly centre: PixelPoint;
  /** Unit vector along the disc, pointing to posterior, [col, row]. */
  readonly along: PixelPoint;
}

/** The disc's long axis by the covariance of its pixels. */
export function axesOf(pixels: Int32Array, columns: number): Axes {
  const centre = centreOf(pixels, columns);
  let [xx, xy, yy] = [0, 0, 0];
  for (const at of pixels) {
    const x = (at % columns) - centre[0];
    const y = Math.floor(at / columns) - centre[1];
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
  const along: PixelPoint = [Math.cos(angle), Math.sin(angle)];
  return { centre, along: along[0] < 0 ? [-along[0], -along[1]] : along };
}

/** Where a vertebra's or the sacrum's bone must be: 9 to 24 mm from the disc's centre, at a right angle to it. */
const DEPTHS_MM = [9, 12, 15, 18, 21, 24];
const SIDES_MM = [-9, -6, -3, 0, 3, 6, 9];

function surroundings({ centre, along }: Axes, marked: Marked, direction: 1 | -1): Surroundings {
  const normal = [-along[1] * direction, along[0] * direction] as const;
  const counts = { vertebra: 0, sacrum: 0, outside: 0 };
  for (const depth of DEPTHS_MM)
    for (const side of SIDES_MM) {
      const col = Math.round(centre[0] + (depth * normal[0] + side * along[0]) / marked.spacingMm);
      const row = Math.round(centre[1] + (depth * normal[1] + side * along[1]) / marked.spacingMm);
      const isOutside = col < 0 || row < 0 || col >= marked.columns || row >= marked.rows;
      if (isOutside) counts.outside++;
      else {
        const at = row * marked.columns + col;
        if (marked.tissue[at] === TISSUE.vertebra) counts.vertebra++;
        else if (marked.tissue[at] === TISSUE.background && isSacral(marked, at)) counts.sacrum++;
      }
    }
  const all = DEPTHS_MM.length * SIDES_MM.length;
  return { vertebra: counts.vertebra / all, sacrum: counts.sacrum / all, outside: counts.outside / all };
}

function roomBelowMm({ centre, along }: Axes, { rows, spacingMm }: Marked): number {
  return ((rows - 1 - centre[1]) / Math.max(along[0], 0.2)) * spacingMm;
}

/** How far behind the disc's posterior edge the canal is looked for, and how far to either side of its plane. */
const CANAL_DEPTHS_MM = [4, 6, 8, 10, 12];
const CANAL_SIDES_MM = [-6, -3, 0, 3, 6];

/** How far each pixel lies from the centre along the disc, sorted, pixels. */
function reachOf({ centre, along }: Axes, pixels: Int32Array, columns: number): Float64Array {
  const reach = new Float64Array(pixels.length);
  for (let i = 0; i < reach.length; i++) {
    const at = pixels[i]!;
    reach[i] = ((at % columns) - centre[0]) * along[0] + (Math.floor(at / columns) - centre[1]) * along[1];
  }
  return reach.sort();
}

/** @param edge the disc's posterior edge from its centre, pixels */
function canalBehind({ centre, along }: Axes, edge: number, marked: Marked): number {
  let count = 0;
  for (const depth of CANAL_DEPTHS_MM)
    for (const side of CANAL_SIDES_MM) {
      const [s, d] = [edge + depth / marked.spacingMm, side / marked.spacingMm];
      const col = Math.round(centre[0] + s * along[0] - d * along[1]);
      const row = Math.round(centre[1] + s * along[1] + d * along[0]);
      const isInside = col >= 0 && row >= 0 && col < marked.columns && row < marked.rows;
      if (isInside && marked.tissue[row * marked.columns + col] === TISSUE.canal) count++;
    }
  return count / (CANAL_DEPTHS_MM.length * CANAL_SIDES_MM.length);
}

const levels = new Float64Array(LEVEL_CLASSES);

export function isSacral({ levelsAt, columns }: Marked, at: number): boolean {
  levelsAt(Math.floor(at / columns), at % columns, levels);
  const below = levels[LEVEL_CLASSES - 1]!;
  for (let k = 0; k < LEVEL_CLASSES - 1; k++) if (levels[k]! > below) return false;
  return true;
}
