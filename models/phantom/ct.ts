import type { PointMm } from '../../agent/locate/types.js';
import type { Anatomy } from './anatomy.js';
import type { PhantomSettings } from './options.js';
import { extentOf, Pose } from './pose.js';
import { NoiseTable, randomFrom } from './random.js';
import type { Spine } from './spine.js';
import { column, huColumn } from './tissues.js';
import { blurSlice, sharpenSlice } from './volume.js';

const DEG = Math.PI / 180;
/** A soft-tissue kernel, full width at half maximum about 1.3 mm, as taps at the voxel spacing. */
const KERNEL_SIGMA_MM = 0.55;
/** Standard deviation after the kernel, at 1.5 mm slices. */
const NOISE_SD_HU = 10;
const LEAST_HU = -1024;
const MOST_HU = 3000;

export interface CtSlice {
  /** Hounsfield units before they are rounded to stored values. */
  readonly hu: Float32Array;
  readonly positionMm: PointMm;
}

export interface CtStack {
  readonly rows: number;
  readonly columns: number;
  readonly slices: number;
  readonly spacingMm: number;
  readonly pose: Pose;
  /** As ImageOrientationPatient. */
  readonly orientation: readonly number[];
  /** From above down. */
  slice(index: number): CtSlice;
  /** [column, row, slice index], not rounded. */
  indexOf(patientMm: PointMm): readonly [number, number, number];
}

export function ctStack(anatomy: Anatomy, spine: Spine, settings: PhantomSettings): CtStack {
  const { ct } = settings;
  const random = randomFrom('ct', settings.seed);
  const extent = extentOf(spine);
  // Another table, another day: the frame of reference is not the MR's.
  const originMm: PointMm = [random.between(-10, 10), random.between(-15, 15), random.between(-900, -700)];
  const pose = new Pose({
    scoliosisMm: settings.scoliosisMm,
    leanRad: (settings.tiltDeg + random.between(-1.5, 1.5)) * DEG,
    rollRad: (settings.tiltDeg * 0.6 + random.between(-2, 2)) * DEG,
    originMm,
  });
  const spacingMm = ct.spacingMm;
  const columns = Math.round(ct.fieldOfViewMm / spacingMm / 2) * 2;
  const half = ((columns - 1) / 2) * spacingMm;
  const top = originMm[2] + extent.highZ + 4;
  const slices = Math.ceil((extent.highZ - extent.lowZ) / ct.sliceMm);
  const middle = pose.midlineToPatient(extent.middleY, (extent.lowZ + extent.highZ) / 2);
  const left = middle[0] - half;
  const noise = new NoiseTable(random);
  const kernel = kernelTaps(spacingMm);
  // White noise loses this much in each of the two passes of the kernel.
  const passed = kernel[0] ** 2 + 2 * kernel[1] ** 2 + 2 * kernel[2] ** 2;
  const sd = (NOISE_SD_HU * settings.noise * (ct.noise ?? 1) * Math.sqrt(1.5 / ct.sliceMm)) / passed;
  const [cos, sin] = [Math.cos(ct.gantryTiltDeg * DEG), Math.sin(ct.gantryTiltDeg * DEG)];
  const geometry = { columns, spacingMm, sliceMm: ct.sliceMm, down: [cos, sin] as const };
  const table = huColumn(ct.contrast);
  return {
    rows: columns,
    columns,
    slices,
    spacingMm,
    pose,
    orientation: [1, 0, 0, 0, cos, sin],
    slice: (index) => {
      // A tilted slice turns about its own middle row.
      const positionMm: PointMm = [left, middle[1] - half * cos, top - index * ct.sliceMm - half * sin];
      const hu = sample(anatomy, pose, geometry, positionMm, table);
      for (let i = 0; i < hu.length; i++) hu[i] = hu[i]! + sd * noise.next();
      blurSlice(hu, columns, columns, kernel);
      if (ct.sharpen !== undefined) sharpenSlice(hu, columns, columns, ct.sharpen);
      for (let i = 0; i < hu.length; i++) hu[i] = Math.min(MOST_HU, Math.max(LEAST_HU, hu[i]!));
      return { hu, positionMm };
    },
    indexOf: ([x, y, z]) => {
      const down = (y - middle[1]) / cos;
      return [(x - left) / spacingMm, (down + half) / spacingMm, (top + down * sin - z) / ct.sliceMm];
    },
  };
}

/** A slice is sampled this often through its thickness at least, so that a thick one averages what it contains. */
const SAMPLE_MM = 0.85;

/** Sub-voxel offsets [x, y, z] in voxels, so that a thin cortex is averaged and not missed. */
function offsetsOf(sliceMm: number): readonly (readonly [number, number, number])[] {
  const count = Math.max(2, Math.round(sliceMm / SAMPLE_MM));
  return Array.from({ length: count }, (_, k) => {
    const aside = k % 2 === 0 ? -0.25 : 0.25;
    return [aside, -aside, (k + 0.5) / count - 0.5] as const;
  });
}

interface Geometry {
  readonly columns: number;
  readonly spacingMm: number;
  readonly sliceMm: number;
  /** Of increasing rows: y and z. */
  readonly down: readonly [y: number, z: number];
}

function sample(
  anatomy: Anatomy,
  pose: Pose,
  { columns, spacingMm, sliceMm, down }: Geometry,
  position: PointMm,
  table: Float32Array,
): Float32Array {
  const offsets = offsetsOf(sliceMm);
  const grain = column('huGrain');
  const hu = new Float32Array(columns * columns);
  const point = new Float64Array(3);
  for (let row = 0; row < columns; row++) {
    for (let col = 0; col < columns; col++) {
      let sum = 0;
      const samples = isNearSpine(col, row, columns, spacingMm) ? offsets.length : 1;
      for (let k = 0; k < samples; k++) {
        const [dx, dy, dz] = offsets[k]!;
        const x = position[0] + (col + dx) * spacingMm;
        const from = (row + dy) * spacingMm;
        pose.toSpine(x, position[1] + from * down[0], position[2] + from * down[1] + dz * sliceMm, point);
        anatomy.at(point[0]!, point[1]!, point[2]!);
        const { tissue } = anatomy;
        const own =
          grain[tissue]! === 0
            ? 0
            : grain[tissue]! * anatomy.texture.at(point[0]!, point[1]!, point[2]!, 0.6);
        sum += table[tissue]! + anatomy.huShift + own;
      }
      hu[row * columns + col] = sum / samples;
    }
  }
  return hu;
}

/** The bodies and arches lie in the middle of the field: elsewhere one sample will do. */
function isNearSpine(col: number, row: number, columns: number, spacingMm: number): boolean {
  const aside = Math.abs(col - columns / 2) * spacingMm;
  const back = (row - columns / 2) * spacingMm;
  return aside < 48 && back > -45 && back < 75;
}

/** A Gaussian's five taps. */
function kernelTaps(spacingMm: number): readonly [number, number, number] {
  const weight = (k: number) => Math.exp(-0.5 * ((k * spacingMm) / KERNEL_SIGMA_MM) ** 2);
  const [a, b, c] = [weight(0), weight(1), weight(2)];
  const sum = a + 2 * b + 2 * c;
  return [a / sum, b / sum, c / sum];
}
