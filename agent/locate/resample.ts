/** Resampling and grey levels: typed arrays in and out, the same to the last bit on every machine. */

export interface Grid {
  readonly pixels: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Sizes that were divided and multiplied again come back so near to 1. */
const SAME_SIZE = 1e-9;

/**
 * To another pixel size, the upper left corner staying where it is: the mean over each new pixel's area where it
 * is larger than the old one, bilinear where it is smaller.
 * @param rowScale, colScale new pixel size in old pixels
 */
export function rescale(grid: Grid, rowScale: number, colScale: number): Grid {
  if (Math.max(Math.abs(rowScale - 1), Math.abs(colScale - 1)) < SAME_SIZE) return grid;
  const rows = Math.max(1, Math.round(grid.rows / rowScale));
  const columns = Math.max(1, Math.round(grid.columns / colScale));
  const rowTaps = tapsOf(grid.rows, rows, rowScale);
  const colTaps = tapsOf(grid.columns, columns, colScale);
  const narrow = new Float32Array(grid.rows * columns);
  const { pixels: old, columns: width } = grid;
  const { start, index, weight: share } = colTaps;
  for (let row = 0; row < grid.rows; row++) {
    const from = row * width;
    const into = row * columns;
    for (let col = 0, k = 0; col < columns; col++) {
      let sum = 0;
      for (const end = start[col + 1]!; k < end; k++) sum += share[k]! * old[from + index[k]!]!;
      narrow[into + col] = sum;
    }
  }
  const pixels = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = rowTaps.start[row]!; k < rowTaps.start[row + 1]!; k++) {
      const weight = rowTaps.weight[k]!;
      const from = rowTaps.index[k]! * columns;
      for (let into = row * columns, end = into + columns, at = from; into < end; into++, at++)
        pixels[into] = pixels[into]! + weight * narrow[at]!;
    }
  }
  return { pixels, rows, columns };
}

/** Which old pixels make a new one, and with what weight; `start[i]..start[i + 1]` are those of new pixel i. */
interface Taps {
  readonly start: Int32Array;
  readonly index: Int32Array;
  readonly weight: Float64Array;
}

function tapsOf(old: number, count: number, scale: number): Taps {
  const start = new Int32Array(count + 1);
  const index: number[] = [];
  const weight: number[] = [];
  for (let i = 0; i < count; i++) {
    for (const [at, share] of scale > 1 ? areaTaps(old, i, scale) : linearTaps(old, i, scale)) {
      index.push(at);
      weight.push(share);
    }
    start[i + 1] = index.length;
  }
  return { start, index: Int32Array.from(index), weight: Float64Array.from(weight) };
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
export function bilinear({ pixels, rows, columns }: Grid, col: number, row: number): number {
  const x = Math.min(Math.max(col, 0), columns - 1);
  const y = Math.min(Math.max(row, 0), rows - 1);
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const x1 = Math.min(x0 + 1, columns - 1);
  const y1 = Math.min(y0 + 1, rows - 1);
  const fx = x - x0;
  const fy = y - y0;
  const top = pixels[y0 * columns + x0]! * (1 - fx) + pixels[y0 * columns + x1]! * fx;
  const bottom = pixels[y1 * columns + x0]! * (1 - fx) + pixels[y1 * columns + x1]! * fx;
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

/** The values of given ranks: values are counted into bins, and only the bins that hold a rank are sorted. */
function valuesAt(values: Float32Array, ranks: readonly number[]): readonly number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const perValue = high > low ? (BINS - 1) / (high - low) : 0;
  const counts = new Uint32Array(BINS);
  for (let i = 0; i < values.length; i++) counts[((values[i]! - low) * perValue) | 0]!++;
  const places = placesIn(counts, ranks);
  const sorted = membersOf(values, counts, new Set(places.map(({ bin }) => bin)), low, perValue);
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
  counts: Uint32Array,
  wanted: ReadonlySet<number>,
  low: number,
  perValue: number,
): ReadonlyMap<number, Float32Array> {
  const isWanted = new Uint8Array(BINS);
  for (const bin of wanted) isWanted[bin] = 1;
  const found = new Map([...wanted].map((bin) => [bin, { own: new Float32Array(counts[bin]!), length: 0 }]));
  for (let i = 0; i < values.length; i++) {
    const bin = ((values[i]! - low) * perValue) | 0;
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
