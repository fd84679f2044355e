/** A picture by rows. */
export interface Picture {
  readonly pixels: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

export interface Motion {
  /** The axis along which lines are measured one after the other. */
  readonly phase: Axis;
  /** The axis along which the patient moves. */
  readonly along: Axis;
  /** To either side. */
  readonly amplitudePx: number;
  /** Lines of k-space in which the movement comes round once. */
  readonly periodLines: number;
}

/** Head to foot: down the rows; front to back: along the columns. */
type Axis = 'HF' | 'AP';

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/**
 * The picture of a body that swings to and fro, as a sine, while its lines of k-space are measured from the lowest
 * frequency of one end to that of the other: what breathing does, edges repeated along the phase axis.
 */
export function withMotion({ pixels, rows, columns }: Picture, motion: Motion): Float32Array {
  const turned = motion.phase === 'AP' ? pixels : transposed(pixels, rows, columns);
  const [lines, n] = motion.phase === 'AP' ? [rows, columns] : [columns, rows];
  const spectrum = transform({ re: Float64Array.from(turned), im: new Float64Array(turned.length) }, n, -1);
  for (let k = 0; k < n; k++) {
    const order = (k + (n >> 1)) % n;
    const shift = motion.amplitudePx * Math.sin((2 * Math.PI * order) / motion.periodLines);
    if (motion.along === motion.phase) turnLine(spectrum, k, n, lines, shift);
    else shiftLine(spectrum, k, n, lines, shift);
  }
  const { re, im } = transform(spectrum, n, 1);
  const moved = Float32Array.from(re, (value, i) => Math.hypot(value, im[i]!) / n);
  return motion.phase === 'AP' ? moved : transposed(moved, columns, rows);
}

/** Discrete Fourier transform of every run of n values. */
function transform({ re, im }: Complex, n: number, sign: 1 | -1): Complex {
  const out = { re: new Float64Array(re.length), im: new Float64Array(re.length) };
  const cos = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n));
  const sin = Float64Array.from({ length: n }, (_, i) => sign * Math.sin((2 * Math.PI * i) / n));
  for (let start = 0; start < re.length; start += n)
    for (let k = 0; k < n; k++) {
      let [sumRe, sumIm] = [0, 0];
      for (let x = 0, turn = 0; x < n; x++) {
        sumRe += re[start + x]! * cos[turn]! - im[start + x]! * sin[turn]!;
        sumIm += re[start + x]! * sin[turn]! + im[start + x]! * cos[turn]!;
        turn += k;
        if (turn >= n) turn -= n;
      }
      out.re[start + k] = sumRe;
      out.im[start + k] = sumIm;
    }
  return out;
}

/** A shift along the transformed axis turns the phase. */
function turnLine({ re, im }: Complex, k: number, n: number, lines: number, shift: number): void {
  const frequency = (k < n / 2 ? k : k - n) / n;
  const [c, s] = [Math.cos(2 * Math.PI * frequency * shift), -Math.sin(2 * Math.PI * frequency * shift)];
  for (let line = 0, at = k; line < lines; line++, at += n) {
    const [a, b] = [re[at]!, im[at]!];
    re[at] = a * c - b * s;
    im[at] = a * s + b * c;
  }
}

/** A shift across the transformed axis, between neighbouring lines in proportion. */
function shiftLine({ re, im }: Complex, k: number, n: number, lines: number, shift: number): void {
  for (const part of [re, im]) {
    const old = Float64Array.from({ length: lines }, (_, line) => part[line * n + k]!);
    for (let line = 0; line < lines; line++) {
      const from = Math.min(lines - 1, Math.max(0, line - shift));
      const [low, share] = [Math.floor(from), from - Math.floor(from)];
      part[line * n + k] = old[low]! * (1 - share) + old[Math.min(lines - 1, low + 1)]! * share;
    }
  }
}

function transposed(pixels: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(pixels, (_, i) => pixels[(i % rows) * columns + Math.floor(i / rows)]!);
}
