/** Planes and stacks in the patient's frame: LPS, millimetres (PS3.3 C.7.6.2). Arithmetic only. */
export type Vector = readonly [number, number, number];

/** The same for every number of a tuple: the answer has as many. */
export function mapVector<T extends readonly number[]>(
  values: T,
  change: (value: number, axis: number) => number,
): { readonly [K in keyof T]: number } {
  return values.map(change) as { readonly [K in keyof T]: number };
}

/** A rectangle of pixels in space. Index [0, 0] is the centre of the first pixel. */
export interface Plane {
  readonly origin: Vector;
  /** Unit vector of increasing column index: the first three values of ImageOrientationPatient. */
  readonly along: Vector;
  /** Unit vector of increasing row index: the last three. */
  readonly down: Vector;
  /** [between rows, between columns], as PixelSpacing. */
  readonly spacingMm: readonly [row: number, col: number];
  readonly rows: number;
  readonly columns: number;
}

/** What a header says about an image's plane; any of it may be missing. */
export interface PlaneTags {
  readonly imageOrientationPatient: readonly number[] | null;
  readonly imagePositionPatient: readonly number[] | null;
  readonly pixelSpacing: readonly number[] | null;
  readonly rows: number | null;
  readonly columns: number | null;
}

/** Direction cosines are printed with few digits; beyond this they contradict themselves. */
const UNIT_TOLERANCE = 0.01;
const MAX_COORDINATE_MM = 100_000;

/** A plane, or the reason why the tags make none. */
export function planeOf(tags: PlaneTags): Plane | string {
  const { imageOrientationPatient: iop, imagePositionPatient: ipp, pixelSpacing, rows, columns } = tags;
  if (!iop) return 'ImageOrientationPatient is missing or no six numbers';
  if (!ipp) return 'ImagePositionPatient is missing or no three numbers';
  if (!pixelSpacing) return 'PixelSpacing is missing or no two numbers';
  if (!rows || !columns || rows < 0 || columns < 0) return 'Rows or Columns is missing or zero';
  const along = vector(iop, 0);
  const down = vector(iop, 3);
  const isUnit = [along, down].every((v) => Math.abs(length(v) - 1) <= UNIT_TOLERANCE);
  if (!isUnit || Math.abs(dot(along, down)) > UNIT_TOLERANCE)
    return 'ImageOrientationPatient is no pair of perpendicular unit vectors';
  if (!(pixelSpacing[0]! > 0 && pixelSpacing[1]! > 0)) return 'PixelSpacing is not positive';
  if (ipp.some((value) => Math.abs(value) > MAX_COORDINATE_MM)) return 'ImagePositionPatient is out of reach';
  const unitAlong = normalise(along);
  const square = subtract(down, scale(unitAlong, dot(down, unitAlong)));
  return {
    origin: vector(ipp, 0),
    along: unitAlong,
    down: normalise(square),
    spacingMm: [pixelSpacing[0]!, pixelSpacing[1]!],
    rows,
    columns,
  };
}

export function normalOf({ along, down }: Pick<Plane, 'along' | 'down'>): Vector {
  return cross(along, down);
}

export function indexToPatient(plane: Plane, col: number, row: number): Vector {
  const x = col * plane.spacingMm[1];
  const y = row * plane.spacingMm[0];
  return mapVector(plane.origin, (o, i) => o + x * plane.along[i]! + y * plane.down[i]!);
}

/** [column, row, distance along the normal in mm]; the first two are real numbers, not rounded. */
export function patientToIndex(plane: Plane, point: Vector): Vector {
  const from = subtract(point, plane.origin);
  return [
    dot(from, plane.along) / plane.spacingMm[1],
    dot(from, plane.down) / plane.spacingMm[0],
    dot(from, normalOf(plane)),
  ];
}

export type AnatomicalPlane = 'SAGITTAL' | 'CORONAL' | 'AXIAL';

/** The anatomical plane nearest to a slice's own: oblique ones lie within 55 degrees of theirs. */
export function anatomicalPlane(normal: Vector): AnatomicalPlane {
  const [x, y, z] = mapVector(normal, Math.abs);
  if (x >= y && x >= z) return 'SAGITTAL';
  return y >= z ? 'CORONAL' : 'AXIAL';
}

/** The angle between two directions regardless of sign, degrees. */
export function angleBetween(a: Vector, b: Vector): number {
  return (Math.acos(Math.min(1, Math.abs(dot(a, b)) / (length(a) * length(b)))) * 180) / Math.PI;
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function subtract(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function add(a: Vector, b: Vector): Vector {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function scale(a: Vector, factor: number): Vector {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

export function length(a: Vector): number {
  return Math.hypot(...a);
}

export function normalise(a: Vector): Vector {
  return scale(a, 1 / length(a));
}

/** Three numbers of a list, from one of them on. */
export function vector(values: readonly number[], at = 0): Vector {
  return [values[at]!, values[at + 1]!, values[at + 2]!];
}
