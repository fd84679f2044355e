import { dot, mapVector } from '../dicom/geometry.js';
import type { Stack } from '../dicom/stacks.js';
import { sha256 } from '../domain/hash.js';
import { type Ground, groundOf, statedConfidence } from '../domain/levelConfidence.js';
import type { Level } from '../domain/levels.js';
import { REGION_SIDE } from '../domain/regionPicture.js';
import type { SliceGrey } from '../domain/sliceGrey.js';
import { doubtsAgain } from './again.js';
import { curveDegrees, type Facts, outsideStudy } from './applicability.js';
import { jumpMm, signalVoidMm2 } from './artefacts.js';
import type { DiscCandidate } from './candidates.js';
import { greyRange, storedBox, tidy } from './cut.js';
import { endsSoon, LEVEL_OF_RANK } from './doubts.js';
import { ghostShare } from './ghosts.js';
import {
  canalsOf,
  discRowOf,
  type Found,
  type LocateContext,
  type Look,
  type LumbarDisc,
  lookAt,
  nothing,
  type PlaceOf,
  positionsOf,
} from './looks.js';
import { canalMiddleMm, discMiddlesMm, ownSlice } from './midsagittal.js';
import type { Network } from './network.js';
import { signalToNoise } from './noise.js';
import { pictureFiguresOf } from './pictureFigures.js';
import { greyPng } from './png.js';
import { regionOf, regionPixels } from './region.js';
import { toGrey } from './resample.js';
import { type SagittalImage, sagittalOf } from './sagittal.js';
import { sagittalStack } from './sagittalStack.js';
import type { Series, SourceImage } from './series.js';
import { slipMm } from './tracks.js';
import type { LocatedDisc, LocatedSlice, LocateResult, PixelPoint, RegionImage } from './types.js';

export { sagittalStack } from './sagittalStack.js';

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
  const placeOf = placeIn(looks);
  const { discs, verdict, middle } = discRowOf(looks, placeOf);
  const notes = [...stack.notes, ...series.notes];
  if (middle === null) return nothing(series, [...verdict.reasons, ...notes]);
  const reading: Reading = { series, stack, looks, discs, middle };
  const again = verdict.status === 'located' ? await doubtsAgain(reading, network, placeOf) : [];
  const status = again.length > 0 ? 'uncertain' : verdict.status;
  const facts = factsOf(reading);
  const outside = outsideStudy(facts);
  const ground = groundOf(status === 'located', outside.length > 0 || endsSoon(discs), verdict.reasons);
  const reasons = [...verdict.reasons, ...again, ...notes, ...outside];
  const { signalToNoise: ratio } = facts;
  return describe(reading, { status, reasons, ground, signalToNoise: ratio }, marginMm);
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
function placeIn(looks: readonly Look[]): PlaceOf {
  const { along, down } = looks[0]!.image.plane;
  return ({ centreMm }) => [dot(centreMm, along), dot(centreMm, down)];
}

async function describe(
  { series, stack, looks, discs: found, middle }: Reading,
  {
    ground,
    signalToNoise: ratio,
    ...verdict
  }: Pick<LocateResult, 'status' | 'reasons'> & Pick<Facts, 'signalToNoise'> & { readonly ground: Ground },
  marginMm: number,
): Promise<Found> {
  const { image, index } = looks[middle]!;
  const source = stack.slices[index]!;
  const positions = positionsOf(looks);
  const sliceOf = (at: number) => sliceAt(stack, looks[at]!.index);
  const discs: LocatedDisc[] = [];
  const greys: { readonly level: Level; readonly grey: Uint8Array }[] = [];
  const middles = discMiddlesMm(found, positions);
  for (const [i, disc] of found.entries()) {
    const at = ownSlice(disc, middle, positions, middles[i]!);
    const own = disc.track.members.find(({ slice }) => slice === at);
    if (!own) continue;
    const level = LEVEL_OF_RANK[disc.rank]!;
    const { located, grey } = regionIn(looks[at]!.image, own, marginMm);
    const confidence = statedConfidence(disc.confidence, ground);
    const slice = at === middle ? {} : { slice: sliceOf(at) };
    discs.unshift({ level, ...located, confidence, ...slice });
    greys.unshift({ level, grey });
  }
  // Packed beside each other, in threads of their own.
  const [slicePng, ...regions] = await Promise.all([storedPng(image, source), ...greys.map(regionImage)]);
  const { modality, seriesInstanceUid } = series;
  // From below up: the last bits of a mean depend on the order.
  const upwards = greys.map(({ grey }) => grey).reverse();
  return {
    result: { modality, seriesInstanceUid, ...verdict, slice: sliceOf(middle), discs },
    slicePng,
    pixelSpacingMm: source.plane.spacingMm,
    sliceGrey: greyOf(image, source),
    pictureFigures: pictureFiguresOf(upwards, ratio),
    regions,
  };
}

async function regionImage({
  level,
  grey,
}: {
  readonly level: Level;
  readonly grey: Uint8Array;
}): Promise<RegionImage> {
  const png = await greyPng(grey, REGION_SIDE, REGION_SIDE);
  return { level, png, sha256: sha256(png) };
}

function sliceAt({ slices }: Stack<SourceImage>, index: number): LocatedSlice {
  const { sopInstanceUid, frameNumber } = slices[index]!;
  const frame = frameNumber === null ? {} : { frameNumber };
  return { sopInstanceUid, ...frame, index, count: slices.length };
}

/** A disc's place and region in stored pixels, and the picture that the classifier sees of it. */
function regionIn(image: SagittalImage, own: DiscCandidate, marginMm: number) {
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

/** A vertebra that lies so far off its neighbours' line has slipped. */
const SLIP_MM = 5;

/** Whether a disc of the row lies above or below a vertebra that has slipped. */
function atSlip(discs: readonly LumbarDisc[], at: number): boolean {
  const slips = discs.slice(1).map((disc, i) => slipMm(discs[i]!.track, disc.track));
  const usual = [...slips].sort((a, b) => a - b)[slips.length >> 1] ?? 0;
  return [slips[at - 1], slips[at]].some((slip) => slip !== undefined && Math.abs(slip - usual) > SLIP_MM);
}

/** Of the pictures that are read, whatever came first. */
function timesOf({ slices }: Stack<SourceImage>) {
  const { echoTime, inversionTime = null, scanningSequence = [] } = slices[0]!;
  return { echoTime, inversionTime, scanningSequence };
}

/** What bears on whether the models know this patient's like. */
function factsOf({ series, stack, looks, discs, middle }: Reading): Facts {
  const { image, marked } = looks[middle]!;
  const positions = positionsOf(looks);
  const middles = discMiddlesMm(discs, positions, APEX_MM);
  const placeOf = placeIn(looks);
  const places = discs.flatMap(({ track }, i) => {
    const across = middles[i]!;
    return across === null ? [] : [[across, track.place[1], atSlip(discs, i)] as const];
  });
  const members = discs.map(({ track }) =>
    track.members.map((member) => ({ positionMm: positions[member.slice]!, place: placeOf(member) })),
  );
  const shown = discs.flatMap(({ track }) => track.members.find(({ slice }) => slice === middle) ?? []);
  return {
    header: { ...series.header, ...timesOf(stack) },
    sliceMm: stack.spacingMm,
    pixelMm: Math.max(...image.plane.spacingMm),
    signalToNoise: signalToNoise(image, marked),
    voidMm2: signalVoidMm2(image, marked, shown),
    ghostShare: ghostShare(image, marked),
    jumpMm: jumpMm(members),
    curveDegrees: curveDegrees(places),
  };
}

/** The window of the slice's picture in the words of the image itself, for viewers that show the image. */
function greyOf(image: SagittalImage, { slope, intercept, isInverted }: SourceImage): SliceGrey {
  const [dark, bright] = greyRange(image);
  const [low, high] = isInverted ? [-bright, -dark] : [dark, bright];
  return { slope, intercept, low, high, isInverted };
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
