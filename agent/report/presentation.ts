import type { SliceGrey } from '../domain/sliceGrey.js';
import { answerLine } from './answerLine.js';
import { resultOf } from './answers.js';
import { type CaptureSlice, FOOT } from './capturePicture.js';
import { VALUE } from './codes.js';
import { companionFile } from './companion.js';
import { checkedUid, type DataSet, type ImagePoint, referencedSop } from './content.js';
import { conclusion } from './evaluations.js';
import { outline } from './measurements.js';
import type { BuiltReport, ReportDisc, ReportInput } from './types.js';
import { formatDs, localDateTime, offsetOf } from './values.js';

/**
 * A Grayscale Softcopy Presentation State (PS3.3 A.33.1): each disc's box and answer on the MR image it lies on, the
 * conclusion and every doubt in the image's corner, in the grey it was read in.
 * @returns null where no disc was found: there is no image to show
 * @throws CalcidiscError REPORT_INVALID as buildReport
 */
export async function buildPresentation(
  input: ReportInput,
  slice: CaptureSlice | null,
): Promise<BuiltReport | null> {
  if (input.discs.length === 0) return null;
  const now = localDateTime(input.createdAt, offsetOf(input));
  const images = shownImages(input);
  return companionFile('presentation', input, {
    BodyPartExamined: 'LSPINE',
    ContentLabel: 'CALCIDISC AI',
    ContentDescription: 'Regions and answers of the discs. AI, research only',
    ContentCreatorName: '',
    PresentationCreationDate: now.da,
    PresentationCreationTime: now.tm,
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: checkedUid(input.mr.seriesInstanceUid),
        ReferencedImageSequence: instancesOf(images).map(referencedSop),
      },
    ],
    DisplayedAreaSelectionSequence: images.map((image) => displayedArea(image, slice)),
    GraphicAnnotationSequence: images.flatMap((image) => annotations(input, image)),
    GraphicLayerSequence: Object.values(LAYERS).map(({ name, description, grey }, order) => ({
      GraphicLayer: name,
      GraphicLayerOrder: String(order + 1),
      GraphicLayerRecommendedDisplayGrayscaleValue: grey,
      GraphicLayerDescription: description,
    })),
    ...greyOf(slice?.grey ?? null),
  });
}

/** Told apart by layer, so that a viewer can hide what is not flagged; greys are P-Values of 16 bits (PS3.3 C.10.7). */
const LAYERS = {
  plain: { name: 'AI NOT FLAGGED', description: 'Discs that are not flagged', grey: 0xb000 },
  flagged: { name: 'AI FLAGGED', description: 'Discs that are flagged', grey: 0xffff },
  words: { name: 'AI WORDS', description: 'Conclusion, doubts, what this is', grey: 0xe000 },
} as const;

/** An image, or a frame of one, with the discs that lie on it. */
interface ShownImage {
  readonly reference: ReportDisc['image'];
  readonly size: ReportDisc['imageSize'];
  readonly discs: readonly ReportDisc[];
}

/** In a bent spine each disc may lie on an image of its own. */
function shownImages({ discs }: ReportInput): readonly ShownImage[] {
  const keyOf = ({ image }: ReportDisc) => `${image.sopInstanceUid} ${image.frameNumber ?? ''}`;
  return [...new Set(discs.map(keyOf))].map((key) => {
    const own = discs.filter((disc) => keyOf(disc) === key);
    return { reference: own[0]!.image, size: own[0]!.imageSize, discs: own };
  });
}

function instancesOf(images: readonly ShownImage[]) {
  return [...new Map(images.map(({ reference }) => [reference.sopInstanceUid, reference])).values()];
}

function referencedImage({ reference }: ShownImage): DataSet {
  const { frameNumber } = reference;
  const frame = frameNumber === undefined ? {} : { ReferencedFrameNumber: String(frameNumber) };
  return { ReferencedImageSequence: [{ ...referencedSop(reference), ...frame }] };
}

/** The whole image, as large as it goes (PS3.3 C.10.4); pixels as they are apart. */
function displayedArea(image: ShownImage, slice: CaptureSlice | null): DataSet {
  const spacing = slice?.pixelSpacingMm;
  return {
    ...referencedImage(image),
    DisplayedAreaTopLeftHandCorner: [1, 1],
    DisplayedAreaBottomRightHandCorner: [...image.size],
    PresentationSizeMode: 'SCALE TO FIT',
    ...(spacing
      ? { PresentationPixelSpacing: spacing.map(formatDs).join('\\') }
      : { PresentationPixelAspectRatio: '1\\1' }),
  };
}

/** PS3.3 C.10.5: one item for each layer that has something on the image. */
function annotations(input: ReportInput, image: ShownImage): DataSet[] {
  const isFlagged = (disc: ReportDisc) => resultOf(disc) === VALUE.present;
  const layers = [
    { layer: LAYERS.plain, discs: image.discs.filter((disc) => !isFlagged(disc)) },
    { layer: LAYERS.flagged, discs: image.discs.filter(isFlagged) },
  ];
  return [
    ...layers
      .filter(({ discs }) => discs.length > 0)
      .map(({ layer, discs }) => ({
        ...referencedImage(image),
        GraphicLayer: layer.name,
        TextObjectSequence: discs.map((disc) => discWords(input, disc)),
        GraphicObjectSequence: discs.map(box),
      })),
    {
      ...referencedImage(image),
      GraphicLayer: LAYERS.words.name,
      TextObjectSequence: [corner(headOf(input), 0.02, 0.2), corner([FOOT], 0.94, 0.98)],
    },
  ];
}

/** Counted from the corner of the first pixel, as SCOORD is (PS3.3 C.10.5.1.2). */
function box(disc: ReportDisc): DataSet {
  const points = outline(disc.roiPixel, disc.imageSize);
  return {
    GraphicAnnotationUnits: 'PIXEL',
    GraphicDimensions: 2,
    NumberOfGraphicPoints: points.length + 1,
    GraphicData: [...points, points[0]!].flat(),
    GraphicType: 'POLYLINE',
    GraphicFilled: 'N',
  };
}

/** Behind the disc, where the picture is of soft tissue; in front of it where there is no room. */
function discWords(input: ReportInput, disc: ReportDisc): DataSet {
  const [columns] = disc.imageSize;
  const [topLeft, topRight, bottomRight] = outline(disc.roiPixel, disc.imageSize) as [
    ImagePoint,
    ImagePoint,
    ImagePoint,
  ];
  const isBehind = columns - topRight[0] >= topLeft[0];
  const [left, right] = isBehind ? [topRight[0], columns] : [0, topLeft[0]];
  return {
    BoundingBoxAnnotationUnits: 'PIXEL',
    UnformattedTextValue: answerLine(input, disc),
    BoundingBoxTopLeftHandCorner: [left, topLeft[1]],
    BoundingBoxBottomRightHandCorner: [right, bottomRight[1]],
    BoundingBoxTextHorizontalJustification: isBehind ? 'LEFT' : 'RIGHT',
  };
}

/** Across the displayed area, from 0 to 1. */
function corner(lines: readonly string[], top: number, bottom: number): DataSet {
  return {
    BoundingBoxAnnotationUnits: 'DISPLAY',
    UnformattedTextValue: shortened(lines.join('\r\n')),
    BoundingBoxTopLeftHandCorner: [0.02, top],
    BoundingBoxBottomRightHandCorner: [0.98, bottom],
    BoundingBoxTextHorizontalJustification: 'LEFT',
  };
}

function headOf(input: ReportInput): readonly string[] {
  const { status, reasons } = input.localisation;
  return [conclusion(input), ...(reasons.length > 0 ? [`Levels ${status}: ${reasons.join('; ')}.`] : [])];
}

/** Characters of an ST (PS3.5 6.2). */
const MOST_LETTERS = 1024;
const CUT = ' ... (the report says all of it)';

function shortened(text: string): string {
  const letters = [...text];
  if (letters.length <= MOST_LETTERS) return text;
  return `${letters.slice(0, MOST_LETTERS - CUT.length).join('')}${CUT}`;
}

/**
 * The window that the slice was read in. Without it (read by an older version) no VOI LUT is applied and viewers show
 * the whole range of values (PS3.4 N.2).
 */
function greyOf(grey: SliceGrey | null): DataSet {
  if (!grey) return { PresentationLUTShape: 'IDENTITY' };
  const { slope, intercept, low, high, isInverted } = grey;
  const isRescaled = slope !== 1 || intercept !== 0;
  // Modality LUT of a presentation state replaces the image's (PS3.4 N.2.1): without one there is none.
  const modality = isRescaled
    ? { RescaleIntercept: formatDs(intercept), RescaleSlope: formatDs(slope), RescaleType: 'US' }
    : {};
  // PS3.3 C.11.2.1.2.1: low is black up to centre - 0.5 - (width - 1) / 2, white begins as far beyond.
  const width = Math.max(1, high - low + 1);
  return {
    ...modality,
    SoftcopyVOILUTSequence: [
      { WindowCenter: formatDs(low + 0.5 + (width - 1) / 2), WindowWidth: formatDs(width) },
    ],
    PresentationLUTShape: isInverted ? 'INVERSE' : 'IDENTITY',
  };
}
