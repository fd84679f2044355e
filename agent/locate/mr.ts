import { anatomicalPlane, dot, mapVector, normalOf, type Vector } from '../dicom/geometry.js';
import { type Stack, stacksOf } from '../dicom/stacks.js';
import { curveDegrees, type Facts, outsideStudy } from './applicability.js';
import { jumpMm, signalVoidMm2 } from './artefacts.js';
import type { Candidate } from './candidates.js';
import { greyRange, storedBox, tidy } from './cut.js';
import { LEVEL_OF_RANK } from './doubts.js';
import { ghostShare } from './ghosts.js';
import {
  canalsOf,
  confidenceOf,
  discRowOf,
  type Found,
  type LocateContext,
  type Look,
  type LumbarDisc,
  lookAt,
  nothing,
  positionsOf,
} from './looks.js';
import { canalMiddleMm, discMiddlesMm, ownSlice } from './midsagittal.js';
import type { Network } from './network.js';
import { signalToNoise } from './noise.js';
import { greyPng, sha256 } from './png.js';
import { REGION_PIXELS, regionOf, regionPixels } from './region.js';
import { toGrey } from './resample.js';
import { type SagittalImage, sagittalOf } from './sagittal.js';
import type { Series, SourceImage } from './series.js';
import type { LocatedDisc, LocatedSlice, LocateResult, PixelPoint, RegionImage } from './types.js';

/** A first look takes no more slices than this, no nearer to each other than that. */
const MAX_FIRST_SLICES = 16;
const MIN_FIRST_GAP_MM = 6;
/** Within this distance of the middle slices are looked at no nearer to each other than that. */
const MIDDLE_MM = 10;
const MIN_MIDDLE_GAP_MM = 2.4;

interface SliceLook extends Look {
  /** Into the stack. */
  readonly index: number;
}

/** A series that has been looked at and has a row of discs. */
interface Reading {
  readonly series: Series;
  readonly stack: Stack<SourceImage>;
  readonly looks: readonly SliceLook[];
  readonly discs: readonly LumbarDisc[];
  /** Into the looks: the slice to be shown. */
  readonly middle: number;
}

/** Discs, mid-sagittal slice and regions of one MR series. What cannot be read is `not-found` with its reason. */
export async function locateMr(
  series: Series,
  { network, marginMm }: Pick<LocateContext, 'network' | 'marginMm'>,
): Promise<Found> {
  const stack = sagittalStack(series);
  if (typeof stack === 'string') return nothing(series, [stack, ...series.notes]);
  const looks = await lookAtStack(stack, network);
  const { discs, verdict, middle } = discRowOf(looks, placeIn(looks));
  const reasons = [...verdict.reasons, ...stack.notes, ...series.notes];
  if (middle === null) return nothing(series, reasons);
  const reading: Reading = { series, stack, looks, discs, middle };
  reasons.push(...outsideStudy(factsOf(reading)));
  return describe(reading, { status: verdict.status, reasons }, marginMm);
}

/** The sagittal stack to read: the one with the longest echo where there are several, else the largest. */
export function sagittalStack(series: Series): Stack<SourceImage> | string {
  const stacks = stacksOf(series.images);
  if (stacks.length === 0) return 'no image of the series has a plane';
  const sagittal = stacks.filter(({ slices }) => anatomicalPlane(normalOf(slices[0]!.plane)) === 'SAGITTAL');
  if (sagittal.length === 0) {
    const seen = anatomicalPlane(normalOf(stacks[0]!.slices[0]!.plane)).toLowerCase();
    return `no sagittal slices: the series is ${seen}`;
  }
  const large = sagittal.filter(({ slices }) => slices.length * 2 >= sagittal[0]!.slices.length);
  return large.reduce((best, stack) => (echo(stack) > echo(best) ? stack : best));
}

function echo({ slices }: Stack<SourceImage>): number {
  return slices[0]!.echoTime ?? 0;
}

async function lookAtStack(stack: Stack<SourceImage>, network: Network): Promise<readonly SliceLook[]> {
  const first = firstLook(stack.positionsMm);
  const looks = await lookAtSlices(stack, first, network);
  const middle = canalMiddleMm(positionsOf(looks), canalsOf(looks));
  const more = aroundMiddle(stack.positionsMm, first, middle);
  looks.push(...(await lookAtSlices(stack, more, network)));
  looks.sort((a, b) => a.index - b.index);
  return looks.map((one, slice) => ({
    ...one,
    candidates: one.candidates.map((candidate) => ({ ...candidate, slice })),
  }));
}

async function lookAtSlices(
  stack: Stack<SourceImage>,
  indices: readonly number[],
  network: Network,
): Promise<SliceLook[]> {
  const images = indices.map((index) => sagittalOf(stack.slices[index]!));
  const positions = indices.map((index) => stack.positionsMm[index]!);
  const looks = await lookAt(images, positions, network, 'MR');
  return looks.map((look, i) => ({ ...look, index: indices[i]! }));
}

/** Indices of slices spread evenly over the stack. */
export function firstLook(positionsMm: readonly number[]): readonly number[] {
  const span = positionsMm.at(-1)! - positionsMm[0]!;
  const gap = Math.max(MIN_FIRST_GAP_MM, span / MAX_FIRST_SLICES);
  const chosen: number[] = [];
  for (const [i, position] of positionsMm.entries())
    if (chosen.length === 0 || position - positionsMm[chosen.at(-1)!]! >= gap - 1e-6) chosen.push(i);
  return chosen;
}

/** Slices about the middle that a first look left out, the one nearest to it first of all. */
function aroundMiddle(
  positionsMm: readonly number[],
  looked: readonly number[],
  middle: number,
): readonly number[] {
  const chosen: number[] = [];
  const off = (i: number) => Math.abs(positionsMm[i]! - middle);
  const near = positionsMm.map((_, i) => i).filter((i) => off(i) <= MIDDLE_MM && !looked.includes(i));
  for (const i of near.sort((a, b) => off(a) - off(b))) {
    const gap = Math.min(
      ...[...looked, ...chosen].map((other) => Math.abs(positionsMm[other]! - positionsMm[i]!)),
    );
    if (chosen.length === 0 || gap >= MIN_MIDDLE_GAP_MM) chosen.push(i);
  }
  return chosen;
}

/** By the first slice's directions. */
function placeIn(looks: readonly Look[]) {
  const { along, down } = looks[0]!.image.plane;
  return ({ centreMm }: { readonly centreMm: Vector }) =>
    [dot(centreMm, along), dot(centreMm, down)] as const;
}

async function describe(
  { series, stack, looks, discs: found, middle }: Reading,
  verdict: Pick<LocateResult, 'status' | 'reasons'>,
  marginMm: number,
): Promise<Found> {
  const { image, index } = looks[middle]!;
  const source = stack.slices[index]!;
  const positions = positionsOf(looks);
  const sliceOf = (at: number) => sliceAt(stack, looks[at]!.index);
  const discs: LocatedDisc[] = [];
  const regions: RegionImage[] = [];
  const middles = discMiddlesMm(found, positions);
  for (const [i, disc] of found.entries()) {
    const at = ownSlice(disc, middle, positions, middles[i]!);
    const own = disc.track.members.find(({ slice }) => slice === at);
    if (!own) continue;
    const level = LEVEL_OF_RANK[disc.rank]!;
    const { located, grey } = regionIn(looks[at]!.image, own, marginMm);
    const slice = at === middle ? {} : { slice: sliceOf(at) };
    discs.unshift({ level, ...located, confidence: confidenceOf(disc), ...slice });
    const png = await greyPng(grey, REGION_PIXELS, REGION_PIXELS);
    regions.unshift({ level, png, sha256: sha256(png) });
  }
  const { modality, seriesInstanceUid } = series;
  return {
    result: { modality, seriesInstanceUid, ...verdict, slice: sliceOf(middle), discs },
    slicePng: await storedPng(image, source),
    pixelSpacingMm: source.plane.spacingMm,
    regions,
  };
}

function sliceAt({ slices }: Stack<SourceImage>, index: number): LocatedSlice {
  const { sopInstanceUid, frameNumber } = slices[index]!;
  const frame = frameNumber === null ? {} : { frameNumber };
  return { sopInstanceUid, ...frame, index, count: slices.length };
}

/** A disc's place and region in stored pixels, and the picture that the classifier sees of it. */
function regionIn(image: SagittalImage, own: Candidate, marginMm: number) {
  const box = mapVector(regionOf(own.extent, image.plane.spacingMm, marginMm), tidy);
  return {
    located: {
      centrePatientMm: mapVector(own.centreMm, tidy),
      centrePixel: mapVector(image.toStored(own.centre), tidy),
      roiPixel: storedBox(image, box),
    },
    grey: regionPixels(image, box, ...greyRange(image)),
  };
}

/** The middle of a curve's apex may lie this far from its neighbours' and be no mistake. */
const APEX_MM = 8;

/** What bears on whether the models know this patient's like. */
function factsOf({ series, stack, looks, discs, middle }: Reading): Facts {
  const { image, marked } = looks[middle]!;
  const positions = positionsOf(looks);
  const middles = discMiddlesMm(discs, positions, APEX_MM);
  const placeOf = placeIn(looks);
  const places = discs.flatMap(({ track }, i) => {
    const across = middles[i]!;
    return across === null ? [] : [[across, track.place[1]] as const];
  });
  const members = discs.map(({ track }) =>
    track.members.map((member) => ({ positionMm: positions[member.slice]!, place: placeOf(member) })),
  );
  const shown = discs.flatMap(({ track }) => track.members.find(({ slice }) => slice === middle) ?? []);
  return {
    header: series.header,
    sliceMm: stack.spacingMm,
    pixelMm: Math.max(...image.plane.spacingMm),
    signalToNoise: signalToNoise(image, marked),
    voidMm2: signalVoidMm2(image, marked, shown),
    ghostShare: ghostShare(image, marked),
    jumpMm: jumpMm(members),
    curveDegrees: curveDegrees(places),
  };
}

/** The slice as it is stored, so that pixel positions are those of the DICOM image. */
async function storedPng(image: SagittalImage, { plane }: SourceImage): Promise<Uint8Array> {
  const grey = toGrey(image.pixels, ...greyRange(image));
  const stored = new Uint8Array(grey.length);
  const at = (point: PixelPoint) => {
    const [col, row] = image.toStored(point);
    return row * plane.columns + col;
  };
  const [first, perCol, perRow] = [at([0, 0]), at([1, 0]) - at([0, 0]), at([0, 1]) - at([0, 0])];
  for (let row = 0, i = 0; row < image.rows; row++)
    for (let col = 0; col < image.columns; col++) stored[first + row * perRow + col * perCol] = grey[i++]!;
  return greyPng(stored, plane.rows, plane.columns);
}
