import type { PointMm } from '../locate/types.js';
import type { Anatomy } from './anatomy.js';
import type { PhantomSettings } from './options.js';
import { extentOf, Pose } from './pose.js';
import { NoiseTable, randomFrom } from './random.js';
import type { Spine } from './spine.js';
import { column } from './tissues.js';
import { blurSlice } from './volume.js';

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
  const corner = [middle[0] - half, middle[1] - half] as const;
  const noise = new NoiseTable(random);
  const kernel = kernelTaps(spacingMm);
  // White noise loses this much in each of the two passes of the kernel.
  const passed = kernel[0] ** 2 + 2 * kernel[1] ** 2 + 2 * kernel[2] ** 2;
  const sd = (NOISE_SD_HU * settings.noise * Math.sqrt(1.5 / ct.sliceMm)) / passed;
  const geometry = { columns, spacingMm, sliceMm: ct.sliceMm };
  return {
    rows: columns,
    columns,
    slices,
    spacingMm,
    pose,
    slice: (index) => {
      const positionMm: PointMm = [corner[0], corner[1], top - index * ct.sliceMm];
      const hu = sample(anatomy, pose, geometry, positionMm);
      for (let i = 0; i < hu.length; i++) hu[i] = hu[i]! + sd * noise.next();
      blurSlice(hu, columns, columns, kernel);
      for (let i = 0; i < hu.length; i++) hu[i] = Math.min(MOST_HU, Math.max(LEAST_HU, hu[i]!));
      return { hu, positionMm };
    },
    indexOf: ([x, y, z]) => [
      (x - corner[0]) / spacingMm,
      (y - corner[1]) / spacingMm,
      (top - z) / ct.sliceMm,
    ],
  };
}

/** Sub-voxel offsets [x, y, z] in voxels, so that a thin cortex is averaged and not missed. */
const OFFSETS = [
  [-0.25, 0.25, -0.25],
  [0.25, -0.25, 0.25],
] as const;

function sample(
  anatomy: Anatomy,
  pose: Pose,
  { columns, spacingMm, sliceMm }: { columns: number; spacingMm: number; sliceMm: number },
  position: PointMm,
): Float32Array {
  const table = column('hu');
  const grain = column('huGrain');
  const hu = new Float32Array(columns * columns);
  const point = new Float64Array(3);
  for (let row = 0; row < columns; row++) {
    for (let col = 0; col < columns; col++) {
      let sum = 0;
      const samples = isNearSpine(col, row, columns, spacingMm) ? 2 : 1;
      for (let k = 0; k < samples; k++) {
        const [dx, dy, dz] = OFFSETS[k]!;
        const x = position[0] + (col + dx) * spacingMm;
        const y = position[1] + (row + dy) * spacingMm;
        pose.toSpine(x, y, position[2] + dz * sliceMm, point);
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
