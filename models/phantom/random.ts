/** Seeded draws: the same seed gives the same bytes on every machine (integers and + - * / only, no Math.random). */
export interface Random {
  /** Evenly in [low, high). */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  /** Mean 0, standard deviation 1. */
  normal(): number;
}

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded from a text so that neighbouring seeds are unrelated. */
export function randomFrom(...parts: readonly (string | number)[]): Random {
  let [a, b, c, counter] = hash128(parts.join('/'));
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  // Irwin-Hall with 12 draws: near enough to a normal, and free of Math.log, whose last digit may differ by platform.
  const normal = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += next();
    return sum;
  };
  return { between: (low, high) => low + (high - low) * next(), chance: (p) => next() < p, normal };
}

function hash128(text: string): [number, number, number, number] {
  const state: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
  for (let i = 0; i < text.length; i++) {
    for (let k = 0; k < 3; k++)
      state[k] = Math.imul(state[k]! ^ (text.charCodeAt(i) + k * 131), 0x01000193 + 2 * k) | 0;
  }
  return state;
}

const GAUSSIANS = 1 << 16;

/** White noise by walking a table with a stride: a draw costs one read, where a slice needs 400,000 of them. */
export class NoiseTable {
  private readonly values = new Float32Array(GAUSSIANS);
  private at: number;
  private stride: number;

  constructor(random: Random) {
    for (let i = 0; i < GAUSSIANS; i++) this.values[i] = random.normal();
    this.at = Math.floor(random.between(0, GAUSSIANS));
    this.stride = 1;
  }

  next(): number {
    this.at += this.stride;
    if (this.at >= GAUSSIANS) {
      this.at -= GAUSSIANS;
      // Another odd stride each time round, so that the table does not repeat as a visible pattern.
      this.stride = ((this.stride + 12_346) % 32_768) | 1;
    }
    return this.values[this.at]!;
  }
}

const SIDE_BITS = 6;
const SIDE = 1 << SIDE_BITS;
const MASK = SIDE - 1;

/** A periodic block of smooth noise (mean 0, standard deviation 1), read at any scale: the grain of tissues. */
export class Texture {
  private readonly values = new Float32Array(SIDE ** 3);

  constructor(random: Random) {
    for (let i = 0; i < this.values.length; i++) this.values[i] = random.normal();
    for (const step of [1, SIDE, SIDE * SIDE]) blurPeriodic(this.values, step);
    normalise(this.values);
  }

  /** @param cellMm size of one noise cell; features are about three cells wide */
  at(x: number, y: number, z: number, cellMm: number): number {
    const i = Math.floor(x / cellMm) & MASK;
    const j = Math.floor(y / cellMm) & MASK;
    const k = Math.floor(z / cellMm) & MASK;
    return this.values[(k << (2 * SIDE_BITS)) | (j << SIDE_BITS) | i]!;
  }

  /** The same, trilinear: for cells larger than a voxel, whose steps would show. */
  smoothAt(x: number, y: number, z: number, cellMm: number): number {
    const fx = x / cellMm;
    const fy = y / cellMm;
    const fz = z / cellMm;
    const x0 = Math.floor(fx);
    const y0 = Math.floor(fy);
    const z0 = Math.floor(fz);
    const wx = fx - x0;
    const wy = fy - y0;
    const wz = fz - z0;
    const { values } = this;
    const i0 = x0 & MASK;
    const i1 = (x0 + 1) & MASK;
    const j0 = (y0 & MASK) << SIDE_BITS;
    const j1 = ((y0 + 1) & MASK) << SIDE_BITS;
    const k0 = (z0 & MASK) << (2 * SIDE_BITS);
    const k1 = ((z0 + 1) & MASK) << (2 * SIDE_BITS);
    const ux = 1 - wx;
    const low =
      (values[k0 | j0 | i0]! * ux + values[k0 | j0 | i1]! * wx) * (1 - wy) +
      (values[k0 | j1 | i0]! * ux + values[k0 | j1 | i1]! * wx) * wy;
    const high =
      (values[k1 | j0 | i0]! * ux + values[k1 | j0 | i1]! * wx) * (1 - wy) +
      (values[k1 | j1 | i0]! * ux + values[k1 | j1 | i1]! * wx) * wy;
    return low * (1 - wz) + high * wz;
  }
}

/** [1 2 3 2 1]/9 along one axis of the block. */
function blurPeriodic(values: Float32Array, step: number): void {
  const line = new Float32Array(SIDE);
  for (let start = 0; start < values.length; start++) {
    if (((start / step) & MASK) !== 0) continue;
    for (let i = 0; i < SIDE; i++) line[i] = values[start + i * step]!;
    for (let i = 0; i < SIDE; i++) {
      const near = line[(i + 1) & MASK]! + line[(i - 1) & MASK]!;
      const far = line[(i + 2) & MASK]! + line[(i - 2) & MASK]!;
      values[start + i * step] = (3 * line[i]! + 2 * near + far) / 9;
    }
  }
}

function normalise(values: Float32Array): void {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(squares / values.length - mean * mean);
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! - mean) / deviation;
}
