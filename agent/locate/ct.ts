import { anatomicalPlane, dot, normalOf, type Vector } from '../dicom/geometry.js';
import { stacksOf } from '../dicom/stacks.js';
import { type CtScan, describeDisc, PLANE_STEP_MM } from './ctDisc.js';
import { type CtVolume, ctVolumeOf } from './ctVolume.js';
import { THICK_SLICE_MM } from './hounsfield.js';
import {
  canalsOf,
  discRowOf,
  type Found,
  type LocateContext,
  type Look,
  lookAt,
  nothing,
  positionsOf,
} from './looks.js';
import { canalMiddleMm } from './midsagittal.js';
import type { Network } from './network.js';
import { greyPng } from './png.js';
import { REFORMAT_MM, type Scout, sagittalReformats, scoutOf } from './reformat.js';
import { toGrey } from './resample.js';
import type { Series, SourceImage } from './series.js';
import type { CtResult } from './types.js';

/** Offsets from the scout's midline: a coarse look finds the canal, a fine one the discs. */
const COARSE_MM = [-24, -12, 0, 12, 24];
const FINE_REACH_MM = 27;
/** The picture's grey: the bone window of spine CT. */
const WINDOW_HU = [-160, 840] as const;
/** Coarser slices than this make no reformat in which a disc can be told from its end plates. */
const MAX_SLICE_MM = 6;

/** The same discs on CT, with the Hounsfield reference of each. What cannot be read is `not-found` with its reason. */
export async function measureCt(series: Series, context: LocateContext): Promise<Found<CtResult>> {
  const volume = volumeOf(series);
  if (typeof volume === 'string') return nothing(series, [volume, ...series.notes]);
  const scout = scoutOf(volume);
  if (!scout) return nothing(series, ['no bone in the scan', ...series.notes]);
  const planes = await planesOf(volume, scout, context.network);
  const { discs, verdict, middle } = discRowOf(planes, ({ centreMm }) => [centreMm[1], -centreMm[2]]);
  const reasons = [...verdict.reasons, ...thickness(volume), ...volume.notes, ...series.notes];
  if (middle === null) return nothing(series, reasons);
  const { modality, seriesInstanceUid } = series;
  const { image } = planes[middle]!;
  const scan: CtScan = { volume, scout, planes, middle };
  return {
    result: {
      modality,
      seriesInstanceUid,
      status: verdict.status,
      reasons,
      slice: nearestSlice(volume, planes[middle]!),
      discs: discs.flatMap((disc) => describeDisc(disc, scan, context) ?? []).reverse(),
    },
    slicePng: await greyPng(toGrey(image.pixels, ...WINDOW_HU), image.rows, image.columns),
    pixelSpacingMm: [REFORMAT_MM, REFORMAT_MM],
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

async function planesOf(volume: CtVolume, scout: Scout, network: Network): Promise<readonly Look[]> {
  const lookAtPlanes = (xs: readonly number[]) =>
    lookAt(sagittalReformats(volume, scout, xs), xs, network, 'CT');
  const coarse = await lookAtPlanes(COARSE_MM.map((offset) => scout.middleX + offset));
  const middle = canalMiddleMm(positionsOf(coarse), canalsOf(coarse));
  const fine: number[] = [];
  for (let offset = -FINE_REACH_MM; offset <= FINE_REACH_MM; offset += PLANE_STEP_MM)
    fine.push(middle + offset);
  return lookAtPlanes(fine);
}

function nearestSlice(volume: CtVolume, { image }: Look): CtResult['slice'] {
  const { origin } = image.plane;
  const middle: Vector = [origin[0], origin[1], origin[2] - (image.rows / 2) * REFORMAT_MM];
  const at = dot(middle, volume.normal);
  const off = volume.positionsMm.map((position) => Math.abs(position - at));
  const index = off.indexOf(Math.min(...off));
  return { sopInstanceUid: volume.slices[index]!.sopInstanceUid, index, count: volume.slices.length };
}
