import { dot, type Vector } from '../dicom/geometry.js';
import type { CtFacts } from '../domain/ctReading.js';
import { groundOf } from '../domain/levelConfidence.js';
import { type CtScan, describeDisc, PLANE_STEP_MM } from './ctDisc.js';
import { doubtsOf, factsOf, factsWithoutVolume, hasBrightSac } from './ctFacts.js';
import { type CtVolume, volumeOf } from './ctVolume.js';
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
import type { Series } from './series.js';
import type { CtResult } from './types.js';

/** Offsets from the scout's midline: a coarse look finds the canal, a fine one the discs. */
const COARSE_MM = [-24, -12, 0, 12, 24];
const FINE_REACH_MM = 27;
/** The picture's grey: the bone window of spine CT. */
const WINDOW_HU = [-160, 840] as const;

/** The same discs on CT, with the Hounsfield reference of each. What cannot be read is `not-found` with its reason. */
export async function measureCt(series: Series, context: LocateContext): Promise<Found<CtResult>> {
  const volume = volumeOf(series);
  const known = typeof volume === 'string' ? factsWithoutVolume(series) : factsOf(volume);
  const { notHounsfield } = known;
  if (notHounsfield !== null) return unmeasured(series, [`not in Hounsfield units: ${notHounsfield}`], known);
  if (typeof volume === 'string') return unmeasured(series, [volume], known);
  const scout = scoutOf(volume);
  if (!scout) return unmeasured(series, ['no bone in the scan'], known);
  const planes = await planesOf(volume, scout, context.network);
  const { discs, verdict, middle } = discRowOf(planes, ({ centreMm }) => [centreMm[1], -centreMm[2]]);
  if (middle === null) return unmeasured(series, verdict.reasons, known);
  const { modality, seriesInstanceUid } = series;
  const { image } = planes[middle]!;
  const facts = hasBrightSac(planes, middle) ? { ...known, contrast: 'intrathecal' as const } : known;
  // No network was trained on CT: its levels are never of the usual kind.
  const ground = groundOf(verdict.status === 'located', true, verdict.reasons);
  const scan: CtScan = { volume, scout, planes, middle, facts, ground };
  const measured = discs.flatMap((disc) => describeDisc(disc, scan, context) ?? []).reverse();
  const findings = measured.flatMap(({ level, finding }) => (finding ? [`${level}: ${finding}`] : []));
  const notes = [...findings, ...doubtsOf(facts), ...volume.notes, ...series.notes];
  return {
    result: {
      modality,
      seriesInstanceUid,
      status: verdict.status,
      reasons: [...verdict.reasons, ...notes],
      slice: nearestSlice(volume, planes[middle]!),
      discs: measured,
      facts,
    },
    slicePng: await greyPng(toGrey(image.pixels, ...WINDOW_HU), image.rows, image.columns),
    pixelSpacingMm: [REFORMAT_MM, REFORMAT_MM],
    regions: [],
  };
}

function unmeasured(series: Series, reasons: readonly string[], facts: CtFacts): Found<CtResult> {
  const none = nothing(series, [...reasons, ...series.notes]);
  return { ...none, result: { ...none.result, discs: [], facts } };
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
