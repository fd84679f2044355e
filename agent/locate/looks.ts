import type { Vector } from '../dicom/geometry.js';
import { candidatesOf, type DiscCandidate } from './candidates.js';
import { type NamedTrack, nameDiscs } from './chain.js';
import { lumbarDiscs, type Ranked, verdictOf } from './doubts.js';
import type { Reference } from './hounsfield.js';
import { canalEvidence, midSagittal } from './midsagittal.js';
import type { Marked, Network } from './network.js';
import type { SagittalImage } from './sagittal.js';
import type { Series } from './series.js';
import { tracksOf } from './tracks.js';
import { withTransitional } from './transitional.js';
import type { Located, LocateResult } from './types.js';

/** What both drivers, of MR and of CT, are given beside the series. */
export interface LocateContext {
  readonly network: Network;
  /** How far a region reaches beyond its disc. */
  readonly marginMm: number;
  readonly reference: Reference;
}

/** What a driver finds; which network it was, and how long it took, is known to who called it. */
export type Found<R extends LocateResult = LocateResult> = Omit<Located<R>, 'localiser' | 'milliseconds'>;

/** A sagittal picture, of a slice or of a reformat, that the network has looked at. */
export interface Look {
  /** Across the patient, along the stack or in x. */
  readonly positionMm: number;
  readonly image: SagittalImage;
  readonly marked: Marked;
  readonly candidates: readonly DiscCandidate[];
  readonly canal: number;
}

/** A disc of the lumbar row: its rank is its place, from the lowest up. */
export type LumbarDisc = Ranked;

/** A point's place in the sagittal plane: towards the back, downwards; mm. */
export type PlaceOf = (at: { readonly centreMm: Vector }) => readonly [number, number];

/** The row of discs over all looks. */
export interface DiscRow {
  /** All that was taken for a disc, and what was passed over. */
  readonly named: readonly NamedTrack[];
  readonly discs: readonly LumbarDisc[];
  readonly verdict: Pick<LocateResult, 'status' | 'reasons'>;
  /** Index of the look nearest to the middle; null without any disc. */
  readonly middle: number | null;
}

/** @param size how large the network is shown the body, 1 as it is */
export async function lookAt(
  images: readonly SagittalImage[],
  positionsMm: readonly number[],
  network: Network,
  modality: 'MR' | 'CT',
  size = 1,
): Promise<Look[]> {
  const pictures = images.map((image) => {
    const [row, col] = image.plane.spacingMm;
    return { ...image, spacingMm: [row * size, col * size] as const };
  });
  const marked = await network.mark(pictures, modality);
  return images.map((image, i) => {
    const candidates = candidatesOf(marked[i]!, image, i);
    const canal = canalEvidence(candidates);
    return { positionMm: positionsMm[i]!, image, marked: marked[i]!, candidates, canal };
  });
}

export const positionsOf = (looks: readonly Look[]) => looks.map(({ positionMm }) => positionMm);
export const canalsOf = (looks: readonly Look[]) => looks.map(({ canal }) => canal);

export function discRowOf(looks: readonly Look[], placeOf: PlaceOf): DiscRow {
  const top = Math.max(1, ...canalsOf(looks));
  const slices = looks.map(({ positionMm, canal }) => ({ positionMm, weight: canal / top }));
  const candidates = looks.map((look) => look.candidates);
  const named = nameDiscs(tracksOf(candidates, slices, placeOf));
  const discs = lumbarDiscs(named);
  return {
    named,
    discs,
    verdict: withTransitional(verdictOf(named), named),
    middle: midSagittal(positionsOf(looks), canalsOf(looks), discs),
  };
}

/** What cannot be read, with its reasons. */
export function nothing<R extends LocateResult>(
  { modality, seriesInstanceUid }: Series,
  reasons: readonly string[],
): Found<R> {
  const result: LocateResult = {
    modality,
    seriesInstanceUid,
    status: 'not-found',
    reasons,
    slice: null,
    discs: [],
  };
  return { result: result as R, slicePng: null, pixelSpacingMm: null, regions: [] };
}
