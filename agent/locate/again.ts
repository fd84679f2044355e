import { dot, indexToPatient, type Plane, type Vector } from '../dicom/geometry.js';
import type { NamedTrack } from './chain.js';
import { greyRange } from './cut.js';
import { doubtsReadAgain, LEVEL_OF_RANK } from './doubts.js';
import { discRowOf, type Look, type LumbarDisc, lookAt, type PlaceOf } from './looks.js';
import type { Network } from './network.js';
import { bilinearInside, type Columns, columnsOf, rescale, rescaledCount } from './resample.js';
import type { SagittalImage } from './sagittal.js';
import { apartMm } from './tracks.js';
import type { PixelPoint } from './types.js';

/**
 * A name must not hang on the size at which a picture is read, nor on how the patient lay: the slices nearest to the
 * middle are read again so, and what the names rest on must hold there too. Mirrored pictures are no help: the network
 * has never seen the canal in front of the discs (it named 21 of 29 mirrored spines otherwise).
 */
interface Way {
  readonly said: string;
  /** How large the body is shown. */
  readonly size: number;
  /** Forwards or backwards about the lowest disc. */
  readonly degrees: number;
  readonly slices: number;
  /** Whether a doubt of its own counts, or another name only: turned pictures shorten and hide the sacrum. */
  readonly doubtsCount: boolean;
}
const WAYS: readonly Way[] = [
  { said: 'at 96% of its size', size: 0.96, degrees: 0, slices: 3, doubtsCount: true },
  { said: 'at 104% of its size', size: 1.04, degrees: 0, slices: 3, doubtsCount: true },
  { said: 'turned by 8 degrees', size: 1, degrees: 8, slices: 2, doubtsCount: false },
  { said: 'turned back by 8 degrees', size: 1, degrees: -8, slices: 2, doubtsCount: false },
];

/** The canvas of the training, 211 mm. */
const MOST_COLUMNS = 224;

/** Discs of two readings whose places are no farther apart are one. */
const SAME_MM = 12;

/** What was read, and the row found in it. */
interface Read {
  readonly looks: readonly Look[];
  /** Lowest first. */
  readonly discs: readonly LumbarDisc[];
  /** Index of the look nearest to the middle. */
  readonly middle: number;
}

/**
 * What speaks against the names when the same slices are read again in other ways; [] when nothing does.
 * @param placeOf the row's own sagittal plane
 */
export async function doubtsAgain(
  read: Read,
  network: Network,
  placeOf: PlaceOf,
): Promise<readonly string[]> {
  const doubts: string[] = [];
  for (const way of WAYS) {
    const chosen = nearestTo(read, way.slices);
    const images = chosen.map((look) => shownIn(way, look, read.discs, network.spacingMm));
    const positions = chosen.map(({ positionMm }) => positionMm);
    const looks = await lookAt(images, positions, network, 'MR', way.size);
    const { named } = discRowOf(looks, placeOf);
    const other = namedOtherwise(read.discs, named);
    const own = way.doubtsCount ? doubtsReadAgain(named)[0] : undefined;
    if (other) doubts.push(`read again ${way.said}: ${other}`);
    else if (own) doubts.push(`read again ${way.said}: ${own}`);
  }
  return doubts;
}

/** The first disc from below that bears another name there: which it is here and there. Discs missed there say nothing. */
export function namedOtherwise(discs: readonly LumbarDisc[], again: readonly NamedTrack[]): string | null {
  for (const { rank, track } of discs) {
    const other = nearestIn(again, track.place);
    if (other && other.rank !== rank) return `${nameOf(rank)} is taken for ${nameOf(other.rank)}`;
  }
  return null;
}

function nearestIn(tracks: readonly NamedTrack[], place: readonly [number, number]): NamedTrack | null {
  const [nearest] = [...tracks].sort((a, b) => apartMm(a.track.place, place) - apartMm(b.track.place, place));
  return nearest && apartMm(nearest.track.place, place) <= SAME_MM ? nearest : null;
}

function nameOf(rank: number | null): string {
  if (rank === null) return 'no disc';
  return rank < 0 ? 'S1-S2' : (LEVEL_OF_RANK[rank] ?? 'a disc above L1');
}

/** So many of the looks nearest to the middle one, in their order. */
function nearestTo({ looks, middle }: Read, count: number): readonly Look[] {
  const off = ({ positionMm }: Look) => Math.abs(positionMm - looks[middle]!.positionMm);
  const nearest = new Set([...looks].sort((a, b) => off(a) - off(b)).slice(0, count));
  return looks.filter((look) => nearest.has(look));
}

/** The picture in the network's own pixels, no wider than it was trained on, turned about the lowest disc. */
function shownIn(
  { size, degrees }: Way,
  { image, marked }: Look,
  discs: readonly LumbarDisc[],
  spacingMm: number,
): SagittalImage {
  const mm = spacingMm / size;
  const [perRow, perCol] = image.plane.spacingMm;
  const [rowScale, colScale] = [mm / perRow, mm / perCol];
  const whole: Plane = {
    ...image.plane,
    origin: indexToPatient(image.plane, (colScale - 1) / 2, (rowScale - 1) / 2),
    spacingMm: [mm, mm],
    columns: rescaledCount(image.columns, colScale),
  };
  const only = columnsAbout(discs, whole);
  const grid = size === 1 ? columnsOf(marked.shown, only) : rescale(image, rowScale, colScale, only);
  const { rows, columns } = grid;
  const plane: Plane = { ...whole, origin: indexToPatient(whole, only.from, 0), rows, columns };
  const toStored = ([col, row]: PixelPoint): PixelPoint =>
    image.toStored([(col + only.from + 0.5) * colScale - 0.5, (row + 0.5) * rowScale - 0.5]);
  const shown = { ...grid, plane, toStored };
  if (degrees === 0) return shown;
  return turned(shown, degrees, pivotIn(plane, discs[0]!.track.members[0]!.centreMm));
}

/** As many as the training's pictures have at most; half of the time would go into the rest. */
function columnsAbout(discs: readonly LumbarDisc[], plane: Plane): Columns {
  const { columns } = plane;
  if (columns <= MOST_COLUMNS) return { from: 0, count: columns };
  const cols = discs.map(({ track }) => pivotIn(plane, track.members[0]!.centreMm)[0]);
  const middle = cols.reduce((sum, col) => sum + col, 0) / cols.length;
  const from = Math.round(Math.min(columns - MOST_COLUMNS, Math.max(0, middle - MOST_COLUMNS / 2)));
  return { from, count: MOST_COLUMNS };
}

/** [column, row] of a point seen across the plane. */
function pivotIn({ origin, along, down, spacingMm }: Plane, point: Vector): PixelPoint {
  const off = point.map((mm, axis) => mm - origin[axis]!) as unknown as Vector;
  return [dot(off, along) / spacingMm[1], dot(off, down) / spacingMm[0]];
}

/** Square pixels turned about one of them; beyond the old picture the new one is dark. */
function turned(image: SagittalImage, degrees: number, [x, y]: PixelPoint): SagittalImage {
  const { rows, columns, plane } = image;
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const dark = greyRange(image)[0];
  const back = (col: number, row: number): PixelPoint => [
    x + (col - x) * cos - (row - y) * sin,
    y + (col - x) * sin + (row - y) * cos,
  ];
  const pixels = new Float32Array(rows * columns).fill(dark);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < columns; col++, at++) {
      const c = x + (col - x) * cos - (row - y) * sin;
      const r = y + (col - x) * sin + (row - y) * cos;
      if (c >= 0 && r >= 0 && c <= columns - 1 && r <= rows - 1) pixels[at] = bilinearInside(image, c, r);
    }
  const mixed = (a: number, b: number) =>
    plane.along.map((value, axis) => a * value + b * plane.down[axis]!) as unknown as Vector;
  return {
    ...image,
    pixels,
    toStored: ([col, row]) => image.toStored(back(col, row)),
    plane: {
      ...plane,
      origin: indexToPatient(plane, ...back(0, 0)),
      along: mixed(cos, sin),
      down: mixed(-sin, cos),
    },
  };
}
