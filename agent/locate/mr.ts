import { anatomicalPlane, dot, normalOf, type Vector } from '../dicom/geometry.js';
import { type Stack, stacksOf } from '../dicom/stacks.js';
import { curveDegrees, type Facts, outsideStudy } from './applicability.js';
import { jumpMm, signalVoidMm2 } from './artefacts.js';
import { type Candidate, candidatesOf } from './candidates.js';
import { type NamedTrack, nameDiscs } from './chain.js';
import { greyRange, storedBox, tidy } from './cut.js';
import { LEVEL_OF_RANK, lumbarDiscs, verdictOf } from './doubts.js';
import { ghostShare } from './ghosts.js';
import { canalEvidence, canalMiddleMm, discMiddlesMm, midSagittal, ownSlice } from './midsagittal.js';
import type { Marked, Network } from './network.js';
import { signalToNoise } from './noise.js';
import { greyPng, sha256 } from './png.js';
import { REGION_PIXELS, regionOf, regionPixels } from './region.js';
import { toGrey } from './resample.js';
import { type SagittalImage, sagittalOf } from './sagittal.js';
import type { Series, SourceImage } from './series.js';
import { tracksOf } from './tracks.js';
import type {
  Located,
  LocatedDisc,
  LocatedSlice,
  LocateResult,
  PixelBox,
  PixelPoint,
  RegionImage,
} from './types.js';

type Found = Omit<Located<LocateResult>, 'localiser' | 'milliseconds'>;

/** A first look takes no more slices than this, no nearer to each other than that. */
const MAX_FIRST_SLICES = 16;
const MIN_FIRST_GAP_MM = 6;
/** Within this distance of the middle slices are looked at no nearer to each other than that. */
const MIDDLE_MM = 10;
const MIN_MIDDLE_GAP_MM = 2.4;

interface LookedAt {
  /** Index into the stack. */
  readonly index: number;
  readonly positionMm: number;
  readonly image: SagittalImage;
  readonly marked: Marked;
  readonly candidates: readonly Candidate[];
  readonly canal: number;
}

/** Discs, mid-sagittal slice and regions of one MR series. What cannot be read is `not-found` with its reason. */
export async function locateMr(series: Series, network: Network, marginMm: number): Promise<Found> {
  const stack = sagittalStack(series);
  if (typeof stack === 'string') return nothing(series, [stack, ...series.notes]);
  const looked = await lookAt(stack, network);
  const named = nameAll(looked);
  const verdict = verdictOf(named);
  const discs = lumbarDiscs(named);
  const middle = midSagittal(
    looked.map(({ positionMm }) => positionMm),
    looked.map(({ canal }) => canal),
    discs,
  );
  const reasons = [...verdict.reasons, ...stack.notes, ...series.notes];
  if (middle === null) return nothing(series, reasons);
  reasons.push(...outsideStudy(factsOf(series, stack, looked, middle, discs)));
  return describe(series, stack, looked, middle, discs, { status: verdict.status, reasons }, marginMm);
}

function nothing(series: Series, reasons: readonly string[]): Found {
  const { modality, seriesInstanceUid } = series;
  return {
    result: { modality, seriesInstanceUid, status: 'not-found', reasons, slice: null, discs: [] },
    slicePng: null,
    pixelSpacingMm: null,
    regions: [],
  };
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

async function lookAt(stack: Stack<SourceImage>, network: Network): Promise<readonly LookedAt[]> {
  const first = firstLook(stack.positionsMm);
  const looked = await mark(stack, first, network);
  const middle = canalMiddleMm(
    looked.map(({ positionMm }) => positionMm),
    looked.map(({ canal }) => canal),
  );
  const more = aroundMiddle(stack.positionsMm, first, middle);
  looked.push(...(await mark(stack, more, network)));
  looked.sort((a, b) => a.index - b.index);
  return looked.map((one, slice) => ({
    ...one,
    candidates: one.candidates.map((candidate) => ({ ...candidate, slice })),
  }));
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

async function mark(
  stack: Stack<SourceImage>,
  indices: readonly number[],
  network: Network,
): Promise<LookedAt[]> {
  const images = indices.map((index) => sagittalOf(stack.slices[index]!));
  const pictures = images.map((image) => ({ ...image, spacingMm: image.plane.spacingMm }));
  const marked = await network.mark(pictures, 'MR');
  return indices.map((index, i) => {
    const candidates = candidatesOf(marked[i]!, images[i]!, i);
    return {
      index,
      positionMm: stack.positionsMm[index]!,
      image: images[i]!,
      marked: marked[i]!,
      candidates,
      canal: canalEvidence(candidates),
    };
  });
}

function nameAll(looked: readonly LookedAt[]): readonly NamedTrack[] {
  const top = Math.max(1, ...looked.map(({ canal }) => canal));
  const slices = looked.map(({ positionMm, canal }) => ({ positionMm, weight: canal / top }));
  const { along, down } = looked[0]!.image.plane;
  const placeOf = ({ centreMm }: { centreMm: Vector }) =>
    [dot(centreMm, along), dot(centreMm, down)] as const;
  return nameDiscs(
    tracksOf(
      looked.map(({ candidates }) => candidates),
      slices,
      placeOf,
    ),
  );
}

async function describe(
  series: Series,
  stack: Stack<SourceImage>,
  looked: readonly LookedAt[],
  middle: number,
  named: readonly (NamedTrack & { rank: number })[],
  verdict: Pick<LocateResult, 'status' | 'reasons'>,
  marginMm: number,
): Promise<Found> {
  const { image, index } = looked[middle]!;
  const source = stack.slices[index]!;
  const positions = looked.map(({ positionMm }) => positionMm);
  const sliceOf = (at: number): LocatedSlice => {
    const { index } = looked[at]!;
    const { sopInstanceUid, frameNumber } = stack.slices[index]!;
    return {
      sopInstanceUid,
      ...(frameNumber === null ? {} : { frameNumber }),
      index,
      count: stack.slices.length,
    };
  };
  const discs: LocatedDisc[] = [];
  const regions: RegionImage[] = [];
  const middles = discMiddlesMm(named, positions);
  for (const [i, disc] of named.entries()) {
    const at = ownSlice(disc, middle, positions, middles[i]!);
    const own = disc.track.members.find(({ slice }) => slice === at);
    if (!own) continue;
    const level = LEVEL_OF_RANK[disc.rank]!;
    const { located, grey } = regionIn(looked[at]!.image, own, marginMm);
    const confidence = Math.round(disc.confidence * 1e4) / 1e4;
    discs.unshift({ level, ...located, confidence, ...(at === middle ? {} : { slice: sliceOf(at) }) });
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

/** A disc's place and region in stored pixels, and the picture that the classifier sees of it. */
function regionIn(image: SagittalImage, own: Candidate, marginMm: number) {
  const box = regionOf(own.extent, image.plane.spacingMm, marginMm).map(tidy) as unknown as PixelBox;
  return {
    located: {
      centrePatientMm: own.centreMm.map(tidy) as unknown as Vector,
      centrePixel: image.toStored(own.centre).map(tidy) as unknown as PixelPoint,
      roiPixel: storedBox(image, box),
    },
    grey: regionPixels(image, box, ...greyRange(image)),
  };
}

/** The middle of a curve's apex may lie this far from its neighbours' and be no mistake. */
const APEX_MM = 8;

/** What bears on whether the models know this patient's like. */
function factsOf(
  series: Series,
  stack: Stack<SourceImage>,
  looked: readonly LookedAt[],
  middle: number,
  discs: readonly NamedTrack[],
): Facts {
  const { image, marked } = looked[middle]!;
  const positions = looked.map(({ positionMm }) => positionMm);
  const middles = discMiddlesMm(discs, positions, APEX_MM);
  const places = discs.flatMap(({ track }, i) => {
    const across = middles[i]!;
    return across === null ? [] : [[across, track.place[1]] as const];
  });
  const { along, down } = looked[0]!.image.plane;
  const members = discs.map(({ track }) =>
    track.members.map(({ slice, centreMm }) => ({
      positionMm: positions[slice]!,
      place: [dot(centreMm, along), dot(centreMm, down)] as const,
    })),
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
