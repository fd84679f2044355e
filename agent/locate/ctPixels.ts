import type { CtVolume } from './ctVolume.js';
import type { SourceImage } from './series.js';

/** What the voxels themselves say of their values. */
export interface CtPixelFacts {
  /** Why they are no Hounsfield units, in words; null where nothing speaks against it. */
  readonly notHounsfield: string | null;
  /** Standard deviation in soft tissue; null where too little of it is seen. */
  readonly noiseHu: number | null;
}

/** Below this lies padding, above it no tissue and hardly metal. */
const LEAST_HU = -1100;
const MOST_HU = 3100;
const BIN_HU = 5;
/** So many voxels tell the shares to a thousandth. */
const SAMPLES = 1_000_000;

const BODY_HU = -300;
/** Denser than marrow and than most contrast agent: cortical bone, of which a body is a small part. */
const DENSE_HU = 400;
const AIR_HU = { from: -1100, to: -650 } as const;
/** Where the commonest tissue lies: fat is -120 to -60 HU, muscle and organs 20 to 80, by scanner and tube voltage. */
const COMMONEST_HU = [
  [-135, -50],
  [-10, 125],
] as const;
const LEAST_BODY_SHARE = 0.05;
/** Of what is as dense as a body; where no air is seen, more of it would be the body than bone. */
const MOST_DENSE_SHARE = { withAir: 0.4, withoutAir: 0.15 } as const;
/** Marrow is denser, in whoever has bones. */
const BONE_HU = 150;
const LEAST_BONE_SHARE = 0.003;
const LEAST_AIR_SHARE = 0.01;
/** Beyond this the lobes of fat and muscle are one, and its top may lie between them. */
const LOBES_MERGE_HU = 50;

/** @returns whether the values can be Hounsfield units, by air, fat and muscle, and how noisy they are */
export function ctPixelFacts(volume: CtVolume): CtPixelFacts {
  const noiseHu = noiseOf(volume);
  return { notHounsfield: implausible(histogramOf(volume), noiseHu), noiseHu };
}

/** Counts by BIN_HU from LEAST_HU to MOST_HU. */
function histogramOf({ slices }: CtVolume): Float64Array {
  const counts = new Float64Array((MOST_HU - LEAST_HU) / BIN_HU);
  const all = slices.reduce((sum, { stored }) => sum + stored.length, 0);
  // Odd, so that no column of the picture is taken again and again.
  const step = 2 * Math.floor(all / SAMPLES / 2) + 1;
  for (const { stored, slope, intercept } of slices)
    for (let at = 0; at < stored.length; at += step) {
      const bin = Math.floor((stored[at]! * slope + intercept - LEAST_HU) / BIN_HU);
      if (bin >= 0 && bin < counts.length) counts[bin]!++;
    }
  return counts;
}

function implausible(counts: Float64Array, noiseHu: number | null): string | null {
  const all = countIn(counts, LEAST_HU, MOST_HU);
  const body = countIn(counts, BODY_HU, MOST_HU);
  if (body < LEAST_BODY_SHARE * all) return 'hardly anything is as dense as a body';
  if (countIn(counts, BONE_HU, MOST_HU) < LEAST_BONE_SHARE * body) return 'nothing is as dense as bone';
  const air = countIn(counts, LEAST_HU, BODY_HU);
  const seesAir = air >= LEAST_AIR_SHARE * all;
  const most = seesAir ? MOST_DENSE_SHARE.withAir : MOST_DENSE_SHARE.withoutAir;
  const dense = countIn(counts, DENSE_HU, MOST_HU) / body;
  if (dense > most) return `${Math.round(100 * dense)} % of the body is denser than marrow`;
  const airHu = commonestIn(counts, LEAST_HU, BODY_HU);
  if (seesAir && (airHu < AIR_HU.from || airHu > AIR_HU.to)) return `air lies at ${airHu}, not at -1000`;
  const tissueHu = commonestIn(counts, BODY_HU, DENSE_HU);
  const isKnown = COMMONEST_HU.some(([from, to]) => tissueHu >= from && tissueHu <= to);
  const isBetween = tissueHu > COMMONEST_HU[0][0] && tissueHu < COMMONEST_HU[1][1];
  if (isKnown || (isBetween && (noiseHu ?? 0) > LOBES_MERGE_HU)) return null;
  return `the commonest tissue lies at ${tissueHu}, where neither fat nor muscle is`;
}

function countIn(counts: Float64Array, fromHu: number, toHu: number): number {
  return counts.subarray((fromHu - LEAST_HU) / BIN_HU, (toHu - LEAST_HU) / BIN_HU).reduce((a, b) => a + b, 0);
}

/** The middle of the fullest five bins. */
function commonestIn(counts: Float64Array, fromHu: number, toHu: number): number {
  const [from, to] = [(fromHu - LEAST_HU) / BIN_HU, (toHu - LEAST_HU) / BIN_HU];
  let [best, most] = [from, -1];
  for (let bin = from + 2; bin < to - 2; bin++) {
    const near = counts.subarray(bin - 2, bin + 3).reduce((a, b) => a + b, 0);
    if (near > most) [best, most] = [bin, near];
  }
  return LEAST_HU + (best + 0.5) * BIN_HU;
}

/** Patches of this size are small enough to lie within one muscle. */
const PATCH_MM = 7;
const MUSCLE_HU = { from: 0, to: 110 } as const;
/** Slices that are looked at, spread over the volume. */
const NOISE_SLICES = 24;
const LEAST_PATCHES = 40;
/** Patches across an edge vary more: a low quantile of the patches' standard deviations is the noise. */
const NOISE_QUANTILE = 0.25;

/**
 * The noise in soft tissue, from the standard deviations of many small patches, as Christianson et al. measure it in
 * patients (AJR 205, 2015), where they take the commonest one.
 */
function noiseOf({ slices }: CtVolume): number | null {
  const step = Math.max(1, Math.floor(slices.length / NOISE_SLICES));
  const found = slices
    .flatMap((slice, k) => (k % step === 0 ? deviationsOf(slice) : []))
    .sort((a, b) => a - b);
  return found.length < LEAST_PATCHES ? null : found[Math.floor(NOISE_QUANTILE * found.length)]!;
}

/** Standard deviations of the patches of one slice whose mean is soft tissue. */
function deviationsOf({ stored, plane, slope, intercept }: SourceImage): number[] {
  const [high, wide] = plane.spacingMm.map((mm) => Math.max(5, Math.round(PATCH_MM / mm))) as [
    number,
    number,
  ];
  const found: number[] = [];
  for (let row = 0; row + high <= plane.rows; row += high)
    for (let col = 0; col + wide <= plane.columns; col += wide) {
      let [sum, squares] = [0, 0];
      for (let r = row; r < row + high; r++)
        for (let c = col; c < col + wide; c++) {
          const hu = stored[r * plane.columns + c]! * slope + intercept;
          sum += hu;
          squares += hu * hu;
        }
      const count = high * wide;
      const mean = sum / count;
      if (mean < MUSCLE_HU.from || mean > MUSCLE_HU.to) continue;
      found.push(Math.sqrt(Math.max(0, squares / count - mean * mean)));
    }
  return found;
}
