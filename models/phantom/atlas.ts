import type { Plane, Spine } from './spine.js';

/** Half a millimetre: finer than any voxel that is drawn. */
const CELL_MM = 0.6;
const MARGIN_MM = { anterior: 130, posterior: 120, below: 30, above: 20 } as const;
const WALL_STEP_MM = 0.5;
const WALL_SMOOTHING_MM = 9;
const WALL_EXTENSION_MM = 70;

/**
 * For every point of the spine's sagittal plane, four coordinates that follow the spine, on a grid:
 * unit     position along the chain: 5.25 is a quarter of the height of unit 5 above its lower plane
 * forward  mm in front of the chain's middle line
 * along    arc length of the posterior wall, mm from its lower end
 * behind   mm behind the posterior wall (negative inside the bodies)
 */
export interface Atlas {
  readonly columns: number;
  readonly rows: number;
  readonly cellMm: number;
  readonly originY: number;
  readonly originZ: number;
  /** unit, forward, along, behind of each cell, interleaved. */
  readonly cells: Float32Array;
  /** `along` at the middle of each unit. */
  readonly unitAlongMm: readonly number[];
}

interface WallPoint {
  readonly y: number;
  readonly z: number;
  readonly alongMm: number;
  /** Unit tangent, upwards. */
  readonly ty: number;
  readonly tz: number;
}

export function buildAtlas(spine: Spine): Atlas {
  const { planes } = spine;
  const wall = posteriorWall(planes);
  const ys = planes.map(({ y }) => y);
  const zs = planes.map(({ z }) => z);
  const originY = Math.min(...ys) - MARGIN_MM.anterior;
  const originZ = Math.min(...zs) - MARGIN_MM.below;
  const columns = Math.ceil((Math.max(...ys) + MARGIN_MM.posterior - originY) / CELL_MM);
  const rows = Math.ceil((Math.max(...zs) + MARGIN_MM.above - originZ) / CELL_MM);
  const cells = new Float32Array(columns * rows * 4);
  for (let row = 0; row < rows; row++) {
    let nearest = -1;
    for (let column = 0; column < columns; column++) {
      const y = originY + column * CELL_MM;
      const z = originZ + row * CELL_MM;
      nearest = nearestWallPoint(wall, y, z, nearest);
      const at = wall[nearest]!;
      const cell = (row * columns + column) * 4;
      placeInChain(planes, y, z, cells, cell);
      cells[cell + 2] = at.alongMm + (y - at.y) * at.ty + (z - at.z) * at.tz;
      cells[cell + 3] = (y - at.y) * at.tz - (z - at.z) * at.ty;
    }
  }
  const unitAlongMm = spine.units.map((_, i) => alongOfUnit(planes, i, wall));
  return { columns, rows, cellMm: CELL_MM, originY, originZ, cells, unitAlongMm };
}

/** Between which planes does the point lie, and where? The fraction makes unit and forward continuous over planes. */
function placeInChain(
  planes: readonly Plane[],
  y: number,
  z: number,
  cells: Float32Array,
  cell: number,
): void {
  let lower = signedHeight(planes[0]!, y, z);
  if (lower < 0) {
    putInChain(cells, cell, lower * 1e-3, planes[0]!, planes[0]!, 0, y, z);
    return;
  }
  for (let i = 0; i + 1 < planes.length; i++) {
    const upper = signedHeight(planes[i + 1]!, y, z);
    if (lower >= 0 && upper < 0) {
      const fraction = lower / (lower - upper);
      putInChain(cells, cell, i + fraction, planes[i]!, planes[i + 1]!, fraction, y, z);
      return;
    }
    lower = upper;
  }
  const top = planes[planes.length - 1]!;
  putInChain(cells, cell, planes.length - 1, top, top, 0, y, z);
}

function putInChain(
  cells: Float32Array,
  cell: number,
  unit: number,
  a: Plane,
  b: Plane,
  fraction: number,
  y: number,
  z: number,
): void {
  const angle = a.angleRad + (b.angleRad - a.angleRad) * fraction;
  const centreY = a.y + (b.y - a.y) * fraction;
  const centreZ = a.z + (b.z - a.z) * fraction;
  cells[cell] = unit;
  cells[cell + 1] = -(y - centreY) * Math.cos(angle) - (z - centreZ) * Math.sin(angle);
}

function signedHeight(plane: Plane, y: number, z: number): number {
  return -(y - plane.y) * Math.sin(plane.angleRad) + (z - plane.z) * Math.cos(plane.angleRad);
}

/** The back of the bodies as one smooth line with both ends drawn out. */
function posteriorWall(planes: readonly Plane[]): WallPoint[] {
  const corners = planes.map((plane) => ({
    y: plane.y + (Math.cos(plane.angleRad) * plane.depthMm) / 2,
    z: plane.z + (Math.sin(plane.angleRad) * plane.depthMm) / 2,
  }));
  const first = extended(corners[0]!, corners[1]!);
  const last = extended(corners[corners.length - 1]!, corners[corners.length - 2]!);
  const dense = resampled([first, ...corners, last]);
  return withTangents(smoothed(smoothed(dense)));
}

interface Point {
  readonly y: number;
  readonly z: number;
}

/** The point WALL_EXTENSION_MM beyond `end`, straight on from `before`. */
function extended(end: Point, before: Point): Point {
  const length = Math.hypot(end.y - before.y, end.z - before.z);
  const scale = WALL_EXTENSION_MM / length;
  return { y: end.y + (end.y - before.y) * scale, z: end.z + (end.z - before.z) * scale };
}

function resampled(points: readonly Point[]): Point[] {
  const dense: Point[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i]!, points[i + 1]!];
    const steps = Math.max(1, Math.round(Math.hypot(b.y - a.y, b.z - a.z) / WALL_STEP_MM));
    for (let s = 0; s < steps; s++)
      dense.push({ y: a.y + ((b.y - a.y) * s) / steps, z: a.z + ((b.z - a.z) * s) / steps });
  }
  return dense;
}

function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.round(WALL_SMOOTHING_MM / WALL_STEP_MM);
  return points.map((_, i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1);
    const sum = near.reduce((total, p) => ({ y: total.y + p.y, z: total.z + p.z }), { y: 0, z: 0 });
    return { y: sum.y / near.length, z: sum.z / near.length };
  });
}

function withTangents(points: readonly Point[]): WallPoint[] {
  let alongMm = 0;
  return points.map((point, i) => {
    const [before, after] = [points[Math.max(0, i - 1)]!, points[Math.min(points.length - 1, i + 1)]!];
    const length = Math.hypot(after.y - before.y, after.z - before.z) || 1;
    if (i > 0) alongMm += Math.hypot(point.y - before.y, point.z - before.z);
    return { ...point, alongMm, ty: (after.y - before.y) / length, tz: (after.z - before.z) / length };
  });
}

/** Searches around the neighbour's answer; the whole wall when there is none. */
function nearestWallPoint(wall: readonly WallPoint[], y: number, z: number, around: number): number {
  const reach = 6;
  let from = around < 0 ? 0 : Math.max(0, around - reach);
  let to = around < 0 ? wall.length - 1 : Math.min(wall.length - 1, around + reach);
  for (;;) {
    let best = from;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (let i = from; i <= to; i++) {
      const point = wall[i]!;
      const distance = (y - point.y) ** 2 + (z - point.z) ** 2;
      if (distance < bestDistance) {
        bestDistance = distance;
        best = i;
      }
    }
    const atLowerEdge = best === from && from > 0;
    const atUpperEdge = best === to && to < wall.length - 1;
    if (!atLowerEdge && !atUpperEdge) return best;
    from = Math.max(0, best - reach);
    to = Math.min(wall.length - 1, best + reach);
  }
}

function alongOfUnit(planes: readonly Plane[], i: number, wall: readonly WallPoint[]): number {
  const [a, b] = [planes[i]!, planes[i + 1]!];
  const depth = (a.depthMm + b.depthMm) / 4;
  const angle = (a.angleRad + b.angleRad) / 2;
  const y = (a.y + b.y) / 2 + Math.cos(angle) * depth;
  const z = (a.z + b.z) / 2 + Math.sin(angle) * depth;
  return wall[nearestWallPoint(wall, y, z, -1)]!.alongMm;
}
