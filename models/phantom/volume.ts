/** Kernels on one slice, Float32, row by row. */

/** A separable symmetric 5-tap kernel [c b a b c] along both axes, edges repeated. */
export function blurSlice(
  values: Float32Array,
  rows: number,
  columns: number,
  [a, b, c]: readonly [number, number, number],
): void {
  const longest = Math.max(rows, columns);
  const line = new Float32Array(longest + 4);
  for (let row = 0; row < rows; row++) blurLine(values, row * columns, 1, columns, line, a, b, c);
  for (let column = 0; column < columns; column++) blurLine(values, column, columns, rows, line, a, b, c);
}

function blurLine(
  values: Float32Array,
  start: number,
  step: number,
  count: number,
  line: Float32Array,
  a: number,
  b: number,
  c: number,
): void {
  for (let i = 0; i < count; i++) line[i + 2] = values[start + i * step]!;
  line[0] = line[1] = line[2]!;
  line[count + 2] = line[count + 3] = line[count + 1]!;
  for (let i = 0; i < count; i++)
    values[start + i * step] =
      a * line[i + 2]! + b * (line[i + 1]! + line[i + 3]!) + c * (line[i]! + line[i + 4]!);
}

/** A sharp kernel: `amount` times what a mean over five by five pixels takes away is added, edges repeated. */
export function sharpenSlice(values: Float32Array, rows: number, columns: number, amount: number): void {
  const mean = values.slice();
  blurSlice(mean, rows, columns, [0.2, 0.2, 0.2]);
  for (let i = 0; i < values.length; i++) values[i] = values[i]! + amount * (values[i]! - mean[i]!);
}

/** Where a disc lies on a slice: sums for its middle and its bounding box. */
export class Footprint {
  pixels = 0;
  private columns = 0;
  private rows = 0;
  private readonly box = { col0: 1e9, row0: 1e9, col1: -1, row1: -1 };

  add(column: number, row: number): void {
    this.pixels++;
    this.columns += column;
    this.rows += row;
    const { box } = this;
    if (column < box.col0) box.col0 = column;
    if (column > box.col1) box.col1 = column;
    if (row < box.row0) box.row0 = row;
    if (row > box.row1) box.row1 = row;
  }

  get centre(): readonly [col: number, row: number] {
    return [this.columns / this.pixels, this.rows / this.pixels];
  }

  get extent(): readonly [col0: number, row0: number, col1: number, row1: number] {
    const { col0, row0, col1, row1 } = this.box;
    return [col0, row0, col1, row1];
  }
}
