/** Resampling and grey levels: typed arrays in and out, the same to the last bit on every machine. */

export interface Grid {
  readonly pixels: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Sizes that were divided and multiplied again come back so near to 1. */
const SAME_SIZE = 1e-9;

/** Of new columns. */
export interface Columns {
  readonly from: number;
  readonly count: number;
}

/** How many pixels so many become. */
export const rescaledCount = (old: number, scale: number) => Math.max(1, Math.round(old / scale));

/**
 * To another pixel size, the upper left corner staying where it is: the mean over each new pixel's area where it
 * is larger than the old one, bilinear where it is smaller.
 * @param rowScale, colScale new pixel size in old pixels
 * @param only the new columns that are wanted; all of them by default
 */
export function rescale(grid: Grid, rowScale: number, colScale: number, only?: Columns): Grid {
  if (Math.max(Math.abs(rowScale - 1), Math.abs(colScale - 1)) < SAME_SIZE)
    return only ? columnsOf(grid, only) : grid;
  const rows = rescaledCount(grid.rows, rowScale);
  const { from, count: columns } = only ?? { from: 0, count: rescaledCount(grid.columns, colScale) };
  const narrow = { pixels: scratchOf(grid.rows * columns), rows: grid.rows, columns };
  alongRows(grid, tapsOf(grid.columns, from, columns, colScale), narrow);
  const pixels = new Float32Array(rows * columns);
  alongColumns(narrow, tapsOf(grid.rows, 0, rows, rowScale), pixels);
  return { pixels, rows, columns };
}

export function columnsOf(grid: Grid, { from, count }: Columns): Grid {
  const { pixels, rows, columns } = grid;
  if (count === columns) return grid;
  const kept = new Float32Array(rows * count);
  for (let row = 0, at = from; row < rows; row++, at += columns)
    kept.set(pixels.subarray(at, at + count), row * count);
  return { pixels: kept, rows, columns: count };
}

function alongRows(
  { pixels, rows, columns: width }: Grid,
  { first, weight, count }: Taps,
  { pixels: into, columns }: Grid,
): void {
  const [one, two] = [Math.min(1, width - 1), Math.min(2, width - 1)];
  for (let row = 0, to = 0; row < rows; row++) {
    const from = row * width;
    for (let col = 0, k = 0; col < columns; col++, to++, k += count) {
      const at = from + first[col]!;
      let sum =
        weight[k]! * pixels[at]! + weight[k + 1]! * pixels[at + one]! + weight[k + 2]! * pixels[at + two]!;
      for (let tap = 3; tap < count; tap++) sum += weight[k + tap]! * pixels[at + tap]!;
      into[to] = sum;
    }
  }
}

/** As floats are added, one after the other: each sum is rounded to a float. */
function alongColumns(
  { pixels: narrow, rows, columns }: Grid,
  { first, weight, count }: Taps,
  into: Float32Array,
): void {
  const { fround } = Math;
  const [one, two] = [Math.min(1, rows - 1) * columns, Math.min(2, rows - 1) * columns];
  for (let row = 0, to = 0, k = 0; to < into.length; row++, k += count) {
    const [a, b, c] = [weight[k]!, weight[k + 1]!, weight[k + 2]!];
    const end = to + columns;
    for (let at = first[row]! * columns; to < end; to++, at++) {
      let sum = fround(fround(a * narrow[at]!) + b * narrow[at + one]!);
      sum = fround(sum + c * narrow[at + two]!);
      for (let tap = 3; tap < count; tap++)
        sum = fround(sum + weight[k + tap]! * narrow[at + tap * columns]!);
      into[to] = sum;
    }
  }
}

let scratch = new Float32Array(0);

/** Room for what is read at once, kept from one call to the next. */
function scratchOf(length: number): Float32Array {
  if (scratch.length < length) scratch = new Float32Array(length);
  return scratch;
}

/** What alongRows and alongColumns take together. */
const LEAST_TAPS = 3;

/** New pixel i is made of `count` old ones from `first[i]` on, with the weights from `i * count` on; some weigh nothing. */
interface Taps {
  readonly count: number;
  readonly first: Int32Array;
  readonly weight: Float64Array;
}

/** @param from, length the new pixels that are wanted */
function tapsOf(old: number, from: number, length: number, scale: number): Taps {
  const taps: [at: number, share: number][][] = [];
  let count = LEAST_TAPS;
  for (let i = from; i < from + length; i++) {
    const own = scale > 1 ? areaTaps(old, i, scale) : linearTaps(old, i, scale);
    taps.push(own);
    count = Math.max(count, own.length);
  }
  const first = new Int32Array(length);
  const weight = new Float64Array(length * count);
  for (const [i, own] of taps.entries()) {
    first[i] = Math.max(0, Math.min(own[0]![0], old - count));
    for (const [at, share] of own) weight[i * count + at - first[i]!] = share;
  }
  return { count, first, weight };
}

function areaTaps(old: number, i: number, scale: number): [at: number, share: number][] {
  const from = Math.min(i * scale, old - 1);
  const to = Math.min((i + 1) * scale, old);
  const taps: [number, number][] = [];
  for (let at = Math.floor(from); at < to; at++) {
    const covered = Math.min(at + 1, to) - Math.max(at, from);
    if (covered > 1e-9) taps.push([at, covered / (to - from)]);
  }
  return taps;
}

function linearTaps(old: number, i: number, scale: number): [at: number, share: number][] {
  const centre = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), old - 1);
  const low = Math.floor(centre);
  const share = centre - low;
  return share > 0 && low + 1 < old
    ? [
        [low, 1 - share],
        [low + 1, share],
      ]
    : [[low, 1]];
}

/** The value at a real-numbered index, bilinear, the nearest edge pixel outside. */
export function bilinear(grid: Grid, col: number, row: number): number {
  return bilinearInside(
    grid,
    Math.min(Math.max(col, 0), grid.columns - 1),
    Math.min(Math.max(row, 0), grid.rows - 1),
  );
}

/** Of an index that lies between the first and the last pixel's centres. */
export function bilinearInside({ pixels, rows, columns }: Grid, col: number, row: number): number {
  const x0 = Math.floor(col);
  const y0 = Math.floor(row);
  const x1 = Math.min(x0 + 1, columns - 1);
  const upper = y0 * columns;
  const lower = Math.min(y0 + 1, rows - 1) * columns;
  const fx = col - x0;
  const fy = row - y0;
  const top = pixels[upper + x0]! * (1 - fx) + pixels[upper + x1]! * fx;
  const bottom = pixels[lower + x0]! * (1 - fx) + pixels[lower + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}

const BINS = 4096;

/** Percentiles of unsorted values, linear between ranks as numpy's default; exact, without sorting all of them. */
export function percentiles(values: Float32Array, shares: readonly number[]): readonly number[] {
  const last = values.length - 1;
  const places = shares.map((share) => (share / 100) * last);
  const ranks = places.flatMap((at) => [Math.floor(at), Math.min(Math.floor(at) + 1, last)]);
  const ranked = valuesAt(values, ranks);
  return places.map((at, i) => {
    const [low, high] = [ranked[2 * i]!, ranked[2 * i + 1]!];
    return low + (at - Math.floor(at)) * (high - low);
  });
}

let binsKept = new Uint16Array(0);

function binsFor(length: number): Uint16Array {
  if (binsKept.length < length) binsKept = new Uint16Array(length);
  return binsKept;
}

/** The values of given ranks: values are counted into bins, and only the bins that hold a rank are sorted. */
function valuesAt(values: Float32Array, ranks: readonly number[]): readonly number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const perValue = high > low ? (BINS - 1) / (high - low) : 0;
  const bins = binsFor(values.length);
  const counts = new Uint32Array(BINS);
  for (let i = 0; i < values.length; i++) {
    const bin = ((values[i]! - low) * perValue) | 0;
    bins[i] = bin;
    counts[bin]!++;
  }
  const places = placesIn(counts, ranks);
  const sorted = membersOf(values, bins, counts, new Set(places.map(({ bin }) => bin)));
  return places.map(({ bin, rank }) => sorted.get(bin)![rank]!);
}

/** The bin that holds each rank, and the rank within it. */
function placesIn(counts: Uint32Array, ranks: readonly number[]): readonly { bin: number; rank: number }[] {
  return ranks.map((rank) => {
    let [bin, before] = [0, 0];
    while (before + counts[bin]! <= rank) before += counts[bin++]!;
    return { bin, rank: rank - before };
  });
}

/** The values of the wanted bins, sorted. */
function membersOf(
  values: Float32Array,
  bins: Uint16Array,
  counts: Uint32Array,
  wanted: ReadonlySet<number>,
): ReadonlyMap<number, Float32Array> {
  const isWanted = new Uint8Array(BINS);
  for (const bin of wanted) isWanted[bin] = 1;
  const found = new Map([...wanted].map((bin) => [bin, { own: new Float32Array(counts[bin]!), length: 0 }]));
  for (let i = 0; i < values.length; i++) {
    const bin = bins[i]!;
    if (isWanted[bin] === 0) continue;
    const into = found.get(bin)!;
    into.own[into.length++] = values[i]!;
  }
  return new Map([...found].map(([bin, { own }]) => [bin, own.sort()]));
}

export function percentileOfSorted(sorted: ArrayLike<number>, share: number): number {
  const at = (share / 100) * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}

/** Linear from [low, high] to 0..255, rounded and clamped. */
export function toGrey(values: Float32Array, low: number, high: number): Uint8Array {
  const factor = 255 / Math.max(high - low, 1e-6);
  const grey = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++)
    grey[i] = Math.min(255, Math.max(0, Math.round((values[i]! - low) * factor)));
  return grey;
}
