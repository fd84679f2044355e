import { anatomicalPlane, indexToPatient, normalOf, patientToIndex, type Vector } from '../dicom/geometry.js';
import { stacksOf } from '../dicom/stacks.js';
import { type Candidate, candidatesOf } from './candidates.js';
import { type NamedTrack, nameDiscs } from './chain.js';
import { type CtVolume, ctVolumeOf } from './ctVolume.js';
import { discZone, midSurface, ZONE } from './discZone.js';
import { LEVEL_OF_RANK, lumbarDiscs, verdictOf } from './doubts.js';
import { type Measurement, measure, type Reference, THICK_SLICE_MM } from './hounsfield.js';
import { canalEvidence, canalMiddleMm, midSagittal } from './midsagittal.js';
import type { Marked, Network } from './network.js';
import { greyPng } from './png.js';
import { REFORMAT_MM, type Scout, sagittalReformats, scoutOf } from './reformat.js';
import { regionOf } from './region.js';
import { toGrey } from './resample.js';
import type { SagittalImage } from './sagittal.js';
import type { Series, SourceImage } from './series.js';
import { tracksOf } from './tracks.js';
import type { CtDisc, CtLocation, CtResult, Located, PixelBox } from './types.js';
import { voxelsIn } from './voxels.js';

type Measured = Omit<Located<CtResult>, 'localiser' | 'milliseconds'>;

/** Offsets from the scout's midline: a coarse look finds the canal, a fine one the discs. */
const COARSE_MM = [-24, -12, 0, 12, 24];
const FINE_STEP_MM = 3;
const FINE_REACH_MM = 27;
/** The picture's grey: the bone window of spine CT. */
const WINDOW_HU = [-160, 840] as const;
/** Coarser slices than this make no reformat in which a disc can be told from its end plates. */
const MAX_SLICE_MM = 6;

/** Calcified herniations lie in or beside the canal; further out facets and the sacrum's wings are bone. */
const MEASURED_REACH_MM = 18;
/** Pixels of the reformat about a disc's zone in which bone is looked for. */
const BONE_MARGIN = 8;

interface Plane {
  readonly x: number;
  readonly image: SagittalImage;
  readonly marked: Marked;
  readonly candidates: readonly Candidate[];
  readonly canal: number;
}

/** The same discs on CT, with the Hounsfield reference of each. What cannot be read is `not-found` with its reason. */
export async function measureCt(
  series: Series,
  network: Network,
  marginMm: number,
  reference: Reference,
): Promise<Measured> {
  const volume = volumeOf(series);
  if (typeof volume === 'string') return nothing(series, [volume, ...series.notes]);
  const scout = scoutOf(volume);
  if (!scout) return nothing(series, ['no bone in the scan', ...series.notes]);
  const planes = await planesOf(volume, scout, network);
  const named = nameAll(planes);
  const discs = lumbarDiscs(named);
  const verdict = verdictOf(named);
  const reasons = [...verdict.reasons, ...thickness(volume), ...volume.notes, ...series.notes];
  const middle = midSagittal(
    planes.map(({ x }) => x),
    planes.map(({ canal }) => canal),
    discs,
  );
  if (middle === null) return nothing(series, reasons);
  const { image } = planes[middle]!;
  return {
    result: {
      modality: series.modality,
      seriesInstanceUid: series.seriesInstanceUid,
      status: verdict.status,
      reasons,
      slice: nearestSlice(volume, planes[middle]!),
      discs: discs
        .flatMap((disc) => describe(disc, planes, middle, volume, scout, marginMm, reference) ?? [])
        .reverse(),
    },
    slicePng: await greyPng(toGrey(image.pixels, ...WINDOW_HU), image.rows, image.columns),
    pixelSpacingMm: [REFORMAT_MM, REFORMAT_MM],
    regions: [],
  };
}

function nothing(series: Series, reasons: readonly string[]): Measured {
  const { modality, seriesInstanceUid } = series;
  return {
    result: { modality, seriesInstanceUid, status: 'not-found', reasons, slice: null, discs: [] },
    slicePng: null,
    pixelSpacingMm: null,
    regions: [],
  };
}

function volumeOf(series: Series): CtVolume | string {
  const stack = stacksOf<SourceImage>(series.images)[0];
  if (!stack) return 'no image of the series has a plane';
  if (stack.slices.length < 2 || stack.spacingMm === null) return 'a single slice is no volume';
  if (stack.spacingMm > MAX_SLICE_MM)
    return `slices ${stack.spacingMm.toFixed(1)} mm apart are too coarse to measure discs`;
  if (stack.notes.includes('gap between slices')) return 'slices are missing inside the volume';
  const normal = anatomicalPlane(normalOf(stack.slices[0]!.plane));
  return normal === 'CORONAL' ? 'the series is coronal, not axial or sagittal' : ctVolumeOf(stack);
}

function thickness({ sliceMm }: CtVolume): readonly string[] {
  return sliceMm > THICK_SLICE_MM
    ? [`slices ${sliceMm.toFixed(1)} mm apart: their partial volume leaves labels open`]
    : [];
}

async function planesOf(volume: CtVolume, scout: Scout, network: Network): Promise<readonly Plane[]> {
  const coarse = await lookAt(
    COARSE_MM.map((offset) => scout.middleX + offset),
    volume,
    scout,
    network,
  );
  const middle = canalMiddleMm(
    coarse.map(({ x }) => x),
    coarse.map(({ canal }) => canal),
  );
  const fine: number[] = [];
  for (let offset = -FINE_REACH_MM; offset <= FINE_REACH_MM; offset += FINE_STEP_MM)
    fine.push(middle + offset);
  return lookAt(fine, volume, scout, network);
}

async function lookAt(
  xs: readonly number[],
  volume: CtVolume,
  scout: Scout,
  network: Network,
): Promise<readonly Plane[]> {
  const images = sagittalReformats(volume, scout, xs);
  const marked = await network.mark(
    images.map((image) => ({ ...image, spacingMm: image.plane.spacingMm })),
    'CT',
  );
  return xs.map((x, i) => {
    const candidates = candidatesOf(marked[i]!, images[i]!, i);
    return { x, image: images[i]!, marked: marked[i]!, candidates, canal: canalEvidence(candidates) };
  });
}

function nameAll(planes: readonly Plane[]): readonly NamedTrack[] {
  const top = Math.max(1, ...planes.map(({ canal }) => canal));
  return nameDiscs(
    tracksOf(
      planes.map(({ candidates }) => candidates),
      planes.map(({ x, canal }) => ({ positionMm: x, weight: canal / top })),
      ({ centreMm }) => [centreMm[1], -centreMm[2]],
    ),
  );
}

function nearestSlice(volume: CtVolume, { image }: Plane): CtResult['slice'] {
  const { origin } = image.plane;
  const middle: Vector = [origin[0], origin[1], origin[2] - (image.rows / 2) * REFORMAT_MM];
  const at = middle[0] * volume.normal[0] + middle[1] * volume.normal[1] + middle[2] * volume.normal[2];
  const off = volume.positionsMm.map((position) => Math.abs(position - at));
  const index = off.indexOf(Math.min(...off));
  return { sopInstanceUid: volume.slices[index]!.sopInstanceUid, index, count: volume.slices.length };
}

function describe(
  { track, rank, confidence }: NamedTrack & { rank: number },
  planes: readonly Plane[],
  middle: number,
  volume: CtVolume,
  scout: Scout,
  marginMm: number,
  reference: Reference,
): CtDisc | null {
  const own = track.members.find(({ slice }) => slice === middle);
  if (!own) return null;
  const { image } = planes[middle]!;
  const centreMm = centreBetweenPlates(track.members, planes);
  const [col, row] = patientToIndex(image.plane, centreMm);
  const measured = measureDisc(
    track.members.filter(({ slice }) => Math.abs(planes[slice]!.x - centreMm[0]) <= MEASURED_REACH_MM),
    planes,
    volume,
    scout,
    reference,
  );
  return {
    level: LEVEL_OF_RANK[rank]!,
    centrePatientMm: centreMm.map(tidy) as unknown as Vector,
    centrePixel: [tidy(col), tidy(row)],
    roiPixel: regionOf(own.extent, image.plane.spacingMm, marginMm).map(tidy) as unknown as PixelBox,
    confidence: Math.round(confidence * 1e4) / 1e4,
    label: measured.label,
    meanHu: measured.meanHu === null ? null : tidy(measured.meanHu),
    maxHu: measured.maxHu === null ? null : tidy(measured.maxHu),
    areaMm2: tidy(measured.areaMm2),
    volumeMm3: tidy(measured.volumeMm3),
    location: measured.centreMm && locationOf(measured.centreMm, track.members),
  };
}

/** Thirds of the disc from front to back, by the planes' own direction of the disc. */
function locationOf(centreMm: Vector, members: readonly Candidate[]): CtLocation {
  const nearest = members.reduce((best, one) =>
    Math.abs(one.centreMm[0] - centreMm[0]) < Math.abs(best.centreMm[0] - centreMm[0]) ? one : best,
  );
  const half = ((nearest.extent[2] - nearest.extent[0]) / 2) * REFORMAT_MM;
  const share = (centreMm[1] - nearest.centreMm[1]) / half;
  return share > 1 / 3 ? 'posterior' : share < -1 / 3 ? 'anterior' : 'central';
}

/** The middle of the disc in space: midway between the end plates, over all of the disc that the planes show. */
function centreBetweenPlates(members: readonly Candidate[], planes: readonly Plane[]): Vector {
  const sum = [0, 0, 0];
  let all = 0;
  for (const { slice, pixels, canalBehind } of members) {
    const { image, marked } = planes[slice]!;
    const { col, row, count } = midSurface(pixels, marked.columns);
    const point = indexToPatient(image.plane, col, row);
    // The planes need not reach to both ends of the disc: the canal behind it tells its middle.
    const weight = count * (0.02 + canalBehind ** 2);
    for (const axis of [0, 1, 2]) sum[axis]! += point[axis]! * weight;
    all += weight;
  }
  return sum.map((mm) => mm / all) as unknown as Vector;
}

const UNMEASURED: Measurement = {
  label: 'indeterminate',
  meanHu: null,
  maxHu: null,
  areaMm2: 0,
  volumeMm3: 0,
  centreMm: null,
};

/** The zone of each plane holds for the voxels up to half way to the next plane. */
function measureDisc(
  members: readonly Candidate[],
  planes: readonly Plane[],
  volume: CtVolume,
  scout: Scout,
  reference: Reference,
): Measurement {
  const zones = new Map(
    members.map((one) => [one.slice, discZone(planes[one.slice]!.marked, one, volume.sliceMm)] as const),
  );
  const { rows, columns } = planes[0]!.image;
  const top = planes[0]!.image.plane.origin[2];
  const zoneOf = planes.map((_, i) => zones.get(i));
  const [x0, y0] = [planes[0]!.x, scout.fromY];
  const classify = (x: number, y: number, z: number): number => {
    const zone = zoneOf[Math.floor((x - x0) / FINE_STEP_MM + 0.5)];
    if (zone === undefined) return ZONE.none;
    const col = Math.floor((y - y0) / REFORMAT_MM + 0.5);
    const row = Math.floor((top - z) / REFORMAT_MM + 0.5);
    if (col < 0 || row < 0 || col >= columns || row >= rows) return ZONE.none;
    return zone[row * columns + col]!;
  };
  const used = [...zones].flatMap(([, zone]) =>
    [...zone.keys()].filter((at) => zone[at] === ZONE.disc || zone[at] === ZONE.behind),
  );
  if (used.length === 0) return UNMEASURED;
  const rowsUsed = used.map((at) => Math.floor(at / columns));
  const colsUsed = used.map((at) => at % columns);
  const xs = members.map(({ slice }) => planes[slice]!.x);
  const [minRow, maxRow] = extremes(rowsUsed);
  const [minCol, maxCol] = extremes(colsUsed);
  const box = voxelsIn(
    volume,
    [
      Math.min(...xs) - FINE_STEP_MM / 2,
      scout.fromY + (minCol - BONE_MARGIN) * REFORMAT_MM,
      top - (maxRow + BONE_MARGIN) * REFORMAT_MM,
    ],
    [
      Math.max(...xs) + FINE_STEP_MM / 2,
      scout.fromY + (maxCol + BONE_MARGIN) * REFORMAT_MM,
      top - (minRow - BONE_MARGIN) * REFORMAT_MM,
    ],
    classify,
  );
  return box ? measure(box, reference) : UNMEASURED;
}

function extremes(values: readonly number[]): [number, number] {
  return values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
}

function tidy(value: number): number {
  return Math.round(value * 1000) / 1000;
}
