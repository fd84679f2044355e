import { axesOf, type DiscCandidate, isSacral } from './candidates.js';
import { TISSUE } from './logits.js';
import type { Marked } from './network.js';

/**
 * Where calcification of a disc can lie in one sagittal picture: inside the disc, and behind it where a herniation
 * goes. End plates, osteophytes and facets are bone that touches bone: what lies at the disc's upper or lower face
 * or near a marked vertebra or the sacrum is left out; `bone` is what they are, for the voxels beside them.
 */
export const ZONE = { none: 0, disc: 1, behind: 2, bone: 3 } as const;

/** Bone reaches so far beyond its mark: blur in the plane. */
const RIM_MM = 1;
/** An end plate reaches so far into the disc, and thick axial slices smear it by a part of their thickness. */
const FACE_MM = 1.2;
const FACE_PER_SLICE_MM = 0.4;
/** A herniation is looked for in the canal so far behind the disc; beside the canal facets begin at once. */
const BEHIND_MM = 9;
const BEHIND_OFF_CANAL_MM = 2.5;
/** With less canal behind it a disc is seen beside the canal, where nothing behind it is searched. */
const MIN_CANAL_BEHIND = 0.25;
/** How far beyond the disc's own height a herniation is looked for, and how far from the vertebra's wall there. */
const BEYOND_FACE_MM = 4;
const WALL_MM = 1.5;
/**
 * So far behind a disc, within its height and beyond it, there is no vertebra before its arch: what is marked so is
 * calcification taken for bone. Beyond the height the neighbours' corners may stand back a little.
 */
const NO_BONE_BEHIND_MM = { within: 1.5, beyond: 3.5 } as const;

/**
 * @param sliceMm distance of the CT's slices
 * @returns one ZONE value per pixel of the grid
 */
export function discZone(
  marked: Marked,
  { pixels: disc, canalBehind }: Pick<DiscCandidate, 'pixels' | 'canalBehind'>,
  sliceMm: number,
): Uint8Array {
  const { rows, columns, spacingMm } = marked;
  const zone = new Uint8Array(rows * columns);
  const frame = frameOf(disc, marked);
  const isDisc = new Uint8Array(rows * columns);
  for (const at of disc) isDisc[at] = 1;
  const face = (FACE_MM + FACE_PER_SLICE_MM * sliceMm) / spacingMm;
  for (const at of disc) {
    const [col, row] = [at % columns, Math.floor(at / columns)];
    const reaches = (sign: number) => {
      const r = Math.round(row + sign * face * frame.normal[1]);
      const c = Math.round(col + sign * face * frame.normal[0]);
      return r >= 0 && c >= 0 && r < rows && c < columns && isDisc[r * columns + c] === 1;
    };
    if (reaches(1) && reaches(-1)) zone[at] = ZONE.disc;
  }
  const isMidline = canalBehind >= MIN_CANAL_BEHIND;
  const bone = isMidline ? withoutBoneBehind(boneOf(marked), frame, marked) : boneOf(marked);
  if (isMidline) addBehind(zone, frame, marked, bone);
  clearBeside(zone, bone, marked);
  for (let at = 0; at < zone.length; at++) if (bone[at]) zone[at] = ZONE.bone;
  return zone;
}

interface Frame {
  readonly centre: readonly [number, number];
  readonly along: readonly [number, number];
  readonly normal: readonly [number, number];
  /** From the centre to the disc's posterior edge, and half its height there, in pixels. */
  readonly posterior: number;
  readonly halfHeight: number;
}

function frameOf(disc: Int32Array, { columns }: Marked): Frame {
  const { centre, along } = axesOf(disc, columns);
  const normal = [-along[1], along[0]] as const;
  const places = Array.from(disc, (at) => {
    const [x, y] = [(at % columns) - centre[0], Math.floor(at / columns) - centre[1]];
    return { s: x * along[0] + y * along[1], d: Math.abs(x * normal[0] + y * normal[1]) };
  });
  const s = places.map((place) => place.s).sort((a, b) => a - b);
  const posterior = s[Math.floor(0.98 * (s.length - 1))]!;
  const d = places.map((place) => place.d).sort((a, b) => a - b);
  return { centre, along, normal, posterior, halfHeight: d[Math.floor(0.9 * (d.length - 1))]! };
}

const bones = new WeakMap<Marked, Uint8Array>();

/** Vertebra, and background that the level head takes for sacrum; one answer for all discs of a picture. */
function boneOf(marked: Marked): Uint8Array {
  const bone =
    bones.get(marked) ??
    marked.tissue.map((tissue, at) =>
      tissue === TISSUE.vertebra || (tissue === TISSUE.background && isSacral(marked, at)) ? 1 : 0,
    );
  bones.set(marked, bone);
  return bone;
}

/** Where a pixel lies from a disc: behind its posterior edge, and off its middle plane, in pixels. */
interface Place {
  readonly behind: number;
  readonly off: number;
}

/** Calls back for every pixel of the grid that may lie behind the disc. */
function forEachBehind(
  frame: Frame,
  { rows, columns, spacingMm }: Marked,
  visit: (at: number, place: Place) => void,
): void {
  const span = Math.ceil(frame.posterior + frame.halfHeight + (BEHIND_MM + BEYOND_FACE_MM) / spacingMm);
  const [col0, row0] = frame.centre.map(Math.round) as [number, number];
  for (let row = Math.max(0, row0 - span); row <= Math.min(rows - 1, row0 + span); row++)
    for (let col = Math.max(0, col0 - span); col <= Math.min(columns - 1, col0 + span); col++) {
      const [x, y] = [col - frame.centre[0], row - frame.centre[1]];
      const behind = x * frame.along[0] + y * frame.along[1] - frame.posterior;
      if (behind > -1)
        visit(row * columns + col, { behind, off: Math.abs(x * frame.normal[0] + y * frame.normal[1]) });
    }
}

function withoutBoneBehind(bone: Uint8Array, frame: Frame, marked: Marked): Uint8Array {
  const own = bone.slice();
  const pixels = (mm: number) => mm / marked.spacingMm;
  forEachBehind(frame, marked, (at, { behind, off }) => {
    const from = off <= frame.halfHeight ? NO_BONE_BEHIND_MM.within : NO_BONE_BEHIND_MM.beyond;
    const isNear = off <= frame.halfHeight + pixels(BEYOND_FACE_MM);
    if (isNear && behind >= pixels(from) && behind <= pixels(BEHIND_MM)) own[at] = 0;
  });
  return own;
}

function addBehind(zone: Uint8Array, frame: Frame, marked: Marked, bone: Uint8Array): void {
  const { spacingMm } = marked;
  const height = frame.halfHeight + BEYOND_FACE_MM / spacingMm;
  forEachBehind(frame, marked, (at, { behind, off }) => {
    const reach = marked.tissue[at] === TISSUE.canal ? BEHIND_MM : BEHIND_OFF_CANAL_MM;
    const isAtWall = off > frame.halfHeight && behind < WALL_MM / spacingMm;
    if (behind > reach / spacingMm || off > height || isAtWall || bone[at]) return;
    if (zone[at] === ZONE.none) zone[at] = ZONE.behind;
  });
}

function clearBeside(zone: Uint8Array, bone: Uint8Array, { rows, columns, spacingMm }: Marked): void {
  const reach = Math.ceil(RIM_MM / spacingMm);
  const limit = (RIM_MM / spacingMm) ** 2;
  for (let at = 0; at < zone.length; at++) {
    if (zone[at] === ZONE.none) continue;
    const [row, col] = [Math.floor(at / columns), at % columns];
    search: for (let r = Math.max(0, row - reach); r <= Math.min(rows - 1, row + reach); r++)
      for (let c = Math.max(0, col - reach); c <= Math.min(columns - 1, col + reach); c++)
        if (bone[r * columns + c] && (r - row) ** 2 + (c - col) ** 2 <= limit) {
          zone[at] = ZONE.none;
          break search;
        }
  }
}

/** The mean of the middles between a disc's two faces, in pixels of the grid: where a thick front does not pull. */
export function midSurface(disc: Int32Array, columns: number): { col: number; row: number; count: number } {
  const spans = new Map<number, [top: number, bottom: number]>();
  for (const at of disc) {
    const [col, row] = [at % columns, Math.floor(at / columns)];
    const span = spans.get(col);
    spans.set(col, span ? [Math.min(span[0], row), Math.max(span[1], row)] : [row, row]);
  }
  const count = spans.size;
  let [col, row] = [0, 0];
  for (const [at, [top, bottom]] of spans) {
    col += at / count;
    row += (top + bottom) / 2 / count;
  }
  return { col, row, count };
}
