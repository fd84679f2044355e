import {
  angleBetween,
  dot,
  indexToPatient,
  normalOf,
  type Plane,
  patientToIndex,
  scale,
  subtract,
  type Vector,
} from '../../agent/dicom/geometry.js';
import type { PixelBox } from '../../agent/locate/types.js';
import type { Box } from './markups.js';

/** A box laid on a slice: an upright rectangle of its pixels. */
export interface Rectangle {
  /** In the plane's own indices. */
  readonly box: PixelBox;
  /** Where the box's middle meets the slice. */
  readonly centreMm: Vector;
  /** From the box's centre to the slice. */
  readonly distanceMm: number;
  /** The largest angle between a side of the box and the slice's own directions. */
  readonly turnedDegrees: number;
}

/**
 * Slicer draws boxes along its own axes unless they are turned, and slices of a sagittal MR are seldom askew by more.
 * At this angle a side is 3.5% longer on the slice than in space, less than people differ by.
 */
export const MAX_TURN_DEGREES = 15;
/** Smaller than any disc with its margin: a box that was clicked, not drawn. */
export const MIN_SIDE_MM = 5;
const NEAR_MM = 0.01;

/** The slice that a box was drawn on: the nearest to its centre. -1 for no slices. */
export function nearestSlice(planes: readonly Plane[], centre: Vector): number {
  const far = planes.map((plane) => Math.abs(distanceMm(plane, centre)));
  return far.indexOf(Math.min(...far));
}

/**
 * Lays a box on a slice: along the box's own axis onto the plane, sides as long as drawn, turned upright.
 * @param reachMm how far beyond the box's own thickness a slice may lie: half of the gap between slices
 * @returns the rectangle, or in words why there is none
 */
export function rectangleOn(plane: Plane, box: Box, reachMm: number): Rectangle | string {
  const [across, along, down] = [normalOf(plane), plane.along, plane.down].map((direction) =>
    sideAlong(box, direction),
  ) as [number, number, number];
  if (new Set([across, along, down]).size < 3) return `it is turned by 45° or more against the slice`;
  const turnedDegrees = Math.max(
    angleBetween(box.axes[across]!, normalOf(plane)),
    angleBetween(box.axes[along]!, plane.along),
    angleBetween(box.axes[down]!, plane.down),
  );
  if (turnedDegrees > MAX_TURN_DEGREES)
    return `it is turned by ${turnedDegrees.toFixed(0)}° against the slice, more than ${MAX_TURN_DEGREES}°`;
  const off = distanceMm(plane, box.centre);
  const allowed = Math.max(box.sizeMm[across]! / 2, reachMm) + NEAR_MM;
  if (Math.abs(off) > allowed)
    return `it does not meet the slices: the nearest lies ${Math.abs(off).toFixed(1)} mm from its middle`;
  const [width, height] = [box.sizeMm[along]!, box.sizeMm[down]!];
  if (Math.min(width, height) < MIN_SIDE_MM)
    return `it is ${width.toFixed(1)} by ${height.toFixed(1)} mm on the slice, too small for a disc`;
  const normal = normalOf(plane);
  const axis = box.axes[across]!;
  const centreMm = subtract(box.centre, scale(axis, off / dot(axis, normal)));
  const [col, row] = patientToIndex(plane, centreMm);
  if (col < -0.5 || row < -0.5 || col > plane.columns - 0.5 || row > plane.rows - 0.5)
    return 'its middle lies outside the slice: was it drawn on another study?';
  const [halfCols, halfRows] = [width / 2 / plane.spacingMm[1], height / 2 / plane.spacingMm[0]];
  return {
    box: [col - halfCols, row - halfRows, col + halfCols, row + halfRows],
    centreMm,
    distanceMm: Math.abs(off),
    turnedDegrees,
  };
}

/** The other way: a rectangle of a slice as a box of this thickness, its x along the columns and y down the rows. */
export function boxOn(plane: Plane, [col0, row0, col1, row1]: PixelBox, thicknessMm: number): Box {
  return {
    centre: indexToPatient(plane, (col0 + col1) / 2, (row0 + row1) / 2),
    axes: [plane.along, plane.down, normalOf(plane)],
    sizeMm: [(col1 - col0) * plane.spacingMm[1], (row1 - row0) * plane.spacingMm[0], thicknessMm],
  };
}

function distanceMm(plane: Plane, point: Vector): number {
  return dot(subtract(point, plane.origin), normalOf(plane));
}

/** Which side of the box points most nearly that way, whichever way round. */
function sideAlong({ axes }: Box, direction: Vector): number {
  const cosines = axes.map((axis) => Math.abs(dot(axis, direction)));
  return cosines.indexOf(Math.max(...cosines));
}

/** Intersection over union of two rectangles of one plane. */
export function overlapOf(a: PixelBox, b: PixelBox): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const common = Math.max(0, width) * Math.max(0, height);
  const union = areaOf(a) + areaOf(b) - common;
  return union > 0 ? common / union : 0;
}

function areaOf([col0, row0, col1, row1]: PixelBox): number {
  return (col1 - col0) * (row1 - row0);
}

/** A rectangle of one slice seen on another that is parallel to it. */
export function carried(from: Plane, [col0, row0, col1, row1]: PixelBox, to: Plane): PixelBox {
  const a = patientToIndex(to, indexToPatient(from, col0, row0));
  const b = patientToIndex(to, indexToPatient(from, col1, row1));
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}
