import type { PointMm } from '../../agent/locate/types.js';
import type { Anatomy } from './anatomy.js';
import type { PhantomSettings } from './options.js';
import { extentOf, Pose } from './pose.js';
import { NoiseTable, type Random, randomFrom } from './random.js';
import type { Spine } from './spine.js';
import { column } from './tissues.js';
import { blurSlice, Footprint } from './volume.js';

const DEG = Math.PI / 180;
/** Samples through the thickness of a slice: partial volume. */
const SUBSAMPLES = 4;
/** Point spread with the overshoot of a truncated k-space. */
const POINT_SPREAD = [0.76, 0.15, -0.03] as const;
const FLUID_VALUE = 1900;
const NOISE_SD = 42;
const MOST = 4095;

/** One sagittal slice as it is written. */
export interface MrSlice {
  readonly pixels: Uint16Array;
  readonly positionMm: PointMm;
  /** By unit index of the disc. */
  readonly discs: ReadonlyMap<number, Footprint>;
}

/** The stack: slices run along its normal. */
export interface MrStack {
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: number;
  readonly thicknessMm: number;
  readonly orientation: readonly [number, number, number, number, number, number];
  readonly pose: Pose;
  slice(index: number): MrSlice;
}

export function mrStack(anatomy: Anatomy, spine: Spine, settings: PhantomSettings): MrStack {
  const { mr } = settings;
  const random = randomFrom('mr', settings.seed);
  const extent = extentOf(spine);
  const middleZ = (extent.lowZ + extent.highZ) / 2;
  const originMm: PointMm = [random.between(-6, 6), random.between(20, 40), -middleZ + random.between(-8, 8)];
  const pose = new Pose({
    scoliosisMm: settings.scoliosisMm,
    leanRad: settings.tiltDeg * DEG,
    rollRad: settings.tiltDeg * 0.6 * DEG,
    originMm,
  });
  const spacingMm = mr.fieldOfViewMm / mr.matrix;
  const thicknessMm = mr.gapMm * 0.9;
  const turn = mr.obliqueDeg * DEG;
  const across: PointMm = [Math.sin(turn), Math.cos(turn), 0];
  const normal: PointMm = [-Math.cos(turn), Math.sin(turn), 0];
  const middle = pose.midlineToPatient(extent.middleY, middleZ);
  const centre: PointMm = [middle[0] + random.between(-1.5, 1.5), middle[1] - 32, middle[2]];
  const field = drawField(random, extent, spine);
  const noise = new NoiseTable(random);
  const geometry = { rows: mr.matrix, columns: mr.matrix, spacingMm, thicknessMm, across, normal, centre };
  return {
    ...geometry,
    orientation: [...across, 0, 0, -1],
    pose,
    slice: (index) => {
      const offset = (index - (mr.slices - 1) / 2) * mr.gapMm;
      const half = ((mr.matrix - 1) / 2) * spacingMm;
      const positionMm: PointMm = [
        centre[0] + normal[0] * offset - across[0] * half,
        centre[1] + normal[1] * offset - across[1] * half,
        centre[2] + half,
      ];
      const { signal, discs } = sample(anatomy, pose, geometry, positionMm, field);
      blurSlice(signal, mr.matrix, mr.matrix, POINT_SPREAD);
      return { pixels: withNoise(signal, noise, NOISE_SD * settings.noise), positionMm, discs };
    },
  };
}

interface Geometry {
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: number;
  readonly thicknessMm: number;
  readonly across: PointMm;
  readonly normal: PointMm;
}

function sample(
  anatomy: Anatomy,
  pose: Pose,
  { rows, columns, spacingMm, thicknessMm, across, normal }: Geometry,
  position: PointMm,
  field: CoilField,
): { signal: Float32Array; discs: Map<number, Footprint> } {
  const mr = column('mr');
  const grain = column('mrGrain');
  const signal = new Float32Array(rows * columns);
  const discs = new Map<number, Footprint>();
  const point = new Float64Array(3);
  for (let row = 0; row < rows; row++) {
    const z = position[2] - row * spacingMm;
    for (let col = 0; col < columns; col++) {
      const x = position[0] + across[0] * col * spacingMm;
      const y = position[1] + across[1] * col * spacingMm;
      let sum = 0;
      let disc = -1;
      let hits = 0;
      for (let k = 0; k < SUBSAMPLES; k++) {
        const through = ((k + 0.5) / SUBSAMPLES - 0.5) * thicknessMm;
        pose.toSpine(x + normal[0] * through, y + normal[1] * through, z, point);
        anatomy.at(point[0]!, point[1]!, point[2]!);
        const { tissue } = anatomy;
        if (tissue === 0) continue;
        const own = grain[tissue]! * anatomy.texture.at(point[0]!, point[1]!, point[2]!, 0.45);
        sum += mr[tissue]! * anatomy.mrFactor * (1 + own);
        if (anatomy.disc >= 0) {
          disc = anatomy.disc;
          hits++;
        }
      }
      if (sum <= 0) continue;
      signal[row * columns + col] = (sum / SUBSAMPLES) * FLUID_VALUE * field(point[1]!, point[2]!);
      if (hits * 2 >= SUBSAMPLES) footprintOf(discs, disc).add(col, row);
    }
  }
  return { signal, discs };
}

function footprintOf(discs: Map<number, Footprint>, disc: number): Footprint {
  const found = discs.get(disc) ?? new Footprint();
  discs.set(disc, found);
  return found;
}

/** Relative sensitivity at (y, z) of the spine's frame. */
type CoilField = (y: number, z: number) => number;

/** Surface coils behind the patient, and a saturation band over the belly as in a lumbar protocol. */
function drawField(
  random: Random,
  { lowZ, highZ, middleY }: ReturnType<typeof extentOf>,
  spine: Spine,
): CoilField {
  const reachMm = random.between(85, 130);
  const base = random.between(0.1, 0.3);
  const saturation = random.between(0.55, 0.93);
  const middleZ = (lowZ + highZ) / 2;
  const halfZ = (highZ - lowZ) / 2;
  const skinY = middleY + 90;
  const front = frontLine(spine);
  return (y, z) => {
    const depth = Math.max(0, skinY - y);
    const ends = ((z - middleZ) / halfZ) ** 2;
    const coil = (base + 1.1 * Math.exp(-depth / reachMm)) * (1 - 0.3 * ends * ends);
    const into = smoothStep((front(z) - y) / 14) * smoothStep((z - 12) / 30);
    return coil * (1 - saturation * into);
  };
}

/** A little in front of the bodies L1 to L4, straight as a band is: y at height z. */
function frontLine({ planes, units }: Spine): (z: number) => number {
  const at = (name: string) => {
    const plane = planes[units.findIndex((unit) => unit.name === name)]!;
    return { y: plane.y - plane.depthMm / 2, z: plane.z };
  };
  const [low, high] = [at('L4'), at('L1')];
  const slope = (high.y - low.y) / (high.z - low.z);
  return (z) => low.y + slope * (z - low.z) - 9;
}

function smoothStep(value: number): number {
  const t = Math.min(1, Math.max(0, value));
  return t * t * (3 - 2 * t);
}

/** The magnitude of a signal with independent noise in both channels (Rice), as 12 bits. */
function withNoise(signal: Float32Array, noise: NoiseTable, sd: number): Uint16Array {
  const pixels = new Uint16Array(signal.length);
  for (let i = 0; i < signal.length; i++) {
    const real = signal[i]! + sd * noise.next();
    const imaginary = sd * noise.next();
    pixels[i] = Math.min(MOST, Math.round(Math.sqrt(real * real + imaginary * imaginary)));
  }
  return pixels;
}
