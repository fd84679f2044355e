import type { Plane } from '../dicom/geometry.js';
import { AIR_HU } from './ctHeader.js';
import { sampleCt, sampleParallel } from './ctSample.js';
import type { CtVolume } from './ctVolume.js';
import { percentileOfSorted } from './resample.js';
import type { SagittalImage } from './sagittal.js';

/** Pixel size of the reformat: the network's own, so that nothing is resampled twice. */
export const REFORMAT_MM = 0.94;
/** The reformat for the network is a mean over a slab this thick: noise down, as an MR slice is thick. */
const SLAB_OFFSETS_MM = [-1.5, 0, 1.5];
const BONE_HU = 200;
const BODY_HU = -300;
const SCOUT_STEP_MM = 6;
const SKIN_MM = 10;

/** Where the body is, so that planes are laid through it and not through the air. */
export interface Scout {
  /** Median x of bone: the spine, the sacrum and both halves of the pelvis lie about it. */
  readonly middleX: number;
  readonly fromY: number;
  readonly toY: number;
}

/** Looks at the volume every few millimetres; null when there is no body in it. */
export function scoutOf(volume: CtVolume): Scout | null {
  const [low, high] = volume.bounds;
  const boneX: number[] = [];
  const bodyY: number[] = [];
  for (let z = low[2] + SCOUT_STEP_MM / 2; z < high[2]; z += SCOUT_STEP_MM * 2) {
    const columns = Math.floor((high[0] - low[0]) / SCOUT_STEP_MM) + 1;
    const rows = Math.floor((high[1] - low[1]) / SCOUT_STEP_MM) + 1;
    const values = sampleCt(volume, {
      origin: [low[0], low[1], z],
      along: [1, 0, 0],
      down: [0, 1, 0],
      spacingMm: [SCOUT_STEP_MM, SCOUT_STEP_MM],
      rows,
      columns,
    });
    for (const [i, value] of values.entries()) {
      if (value > BODY_HU) bodyY.push(low[1] + Math.floor(i / columns) * SCOUT_STEP_MM);
      if (value > BONE_HU) boneX.push(low[0] + (i % columns) * SCOUT_STEP_MM);
    }
  }
  if (boneX.length === 0) return null;
  const sortedY = Float64Array.from(bodyY).sort();
  return {
    middleX: percentileOfSorted(Float64Array.from(boneX).sort(), 50),
    fromY: Math.max(low[1], percentileOfSorted(sortedY, 1) - SKIN_MM),
    toY: Math.min(high[1], percentileOfSorted(sortedY, 99) + SKIN_MM),
  };
}

/** The sagittal planes at xs, from the top of the scan to its bottom, as the network wants them. */
export function sagittalReformats(
  volume: CtVolume,
  { fromY, toY }: Scout,
  xs: readonly number[],
): readonly SagittalImage[] {
  const [low, high] = volume.bounds;
  const rows = Math.max(1, Math.floor((high[2] - low[2]) / REFORMAT_MM));
  const columns = Math.max(1, Math.floor((toY - fromY) / REFORMAT_MM));
  const planeAt = (x: number): Plane => ({
    origin: [x, fromY, high[2]],
    along: [0, 1, 0],
    down: [0, 0, -1],
    spacingMm: [REFORMAT_MM, REFORMAT_MM],
    rows,
    columns,
  });
  // Neighbouring slabs share a plane: to a micrometre it is the same.
  const keyOf = (x: number) => Math.round(x * 1000);
  const wanted = new Map(xs.flatMap((x) => SLAB_OFFSETS_MM.map((offset) => [keyOf(x + offset), x + offset])));
  const sampled = sampleParallel(
    volume,
    planeAt(xs[0]!),
    [...wanted.values()].map((x) => planeAt(x).origin),
  );
  const at = new Map([...wanted.keys()].map((key, i) => [key, sampled[i]!]));
  return xs.map((x) => ({
    pixels: slabOf(SLAB_OFFSETS_MM.map((offset) => at.get(keyOf(x + offset))!)),
    rows,
    columns,
    plane: planeAt(x),
    toStored: (point) => point,
  }));
}

function slabOf(layers: readonly Float32Array[]): Float32Array {
  const pixels = new Float32Array(layers[0]!.length);
  for (const layer of layers)
    for (let i = 0; i < pixels.length; i++) pixels[i]! += Math.max(AIR_HU, layer[i]!) / layers.length;
  return pixels;
}
