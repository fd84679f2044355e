import { dixonOfTypes } from '../dicom/pictureKind.js';
import { regionOfBodyPart, regionOfCodes } from './bodyParts.js';
import {
  isFatSuppressedByName,
  isPlanningByName,
  namedWeighting,
  settledWeighting,
  type Weighting,
} from './sequenceWords.js';
import { type NamedRegion, regionIn, wordsOf } from './words.js';

/** The keywords of an image that routing looks at (PS3.6); null where the image has none. */
export interface RoutingHeader {
  readonly modality: string | null;
  readonly seriesDescription: string | null;
  readonly studyDescription: string | null;
  readonly protocolName: string | null;
  readonly bodyPartExamined: string | null;
  readonly imageType: readonly string[];
  readonly imageOrientationPatient: readonly number[] | null;
  readonly echoTime: number | null;
  readonly repetitionTime: number | null;
  readonly inversionTime: number | null;
  readonly scanningSequence: readonly string[];
  readonly manufacturer?: string | null;
  /** AnatomicRegionSequence, as SCHEME:VALUE. */
  readonly anatomicRegion?: readonly string[];
  readonly scanOptions?: readonly string[];
}

export type { Weighting };
export type Orientation = 'SAGITTAL' | 'AXIAL' | 'CORONAL' | 'UNKNOWN';
export type Region = 'LUMBAR' | 'OTHER' | 'UNKNOWN';
/** What the region was read from; the first that names one decides. */
export type RegionSource =
  | 'AnatomicRegionSequence'
  | 'BodyPartExamined'
  | 'SeriesDescription'
  | 'ProtocolName'
  | 'StudyDescription';

/** What a routing rule may ask about: DICOM keywords as they came, and what is worked out from them. */
export interface SeriesAttributes {
  readonly Modality: string;
  readonly SeriesDescription: string;
  readonly StudyDescription: string;
  readonly ProtocolName: string;
  readonly BodyPartExamined: string;
  readonly ImageType: readonly string[];
  readonly CallingAE: string;
  readonly orientation: Orientation;
  readonly weighting: Weighting;
  readonly fatSuppressed: boolean;
  readonly region: Region;
  readonly regionFrom: RegionSource | '';
  /** The text it was read from names other parts of the body too: which of them this series shows is not said. */
  readonly regionAmongOthers: boolean;
  /** A scout or a derived picture (ImageType value 3 LOCALIZER, or value 1 DERIVED with a rendering). */
  readonly localizer: boolean;
}

export function attributesOf(header: RoutingHeader, callingAe: string): SeriesAttributes {
  const sequence = wordsOf(`${header.seriesDescription ?? ''} ${header.protocolName ?? ''}`);
  const weighting = header.modality === 'MR' ? weightingOf(header, sequence) : 'NONE';
  return {
    Modality: header.modality ?? '',
    SeriesDescription: header.seriesDescription ?? '',
    StudyDescription: header.studyDescription ?? '',
    ProtocolName: header.protocolName ?? '',
    BodyPartExamined: header.bodyPartExamined ?? '',
    ImageType: header.imageType,
    CallingAE: callingAe,
    orientation: orientationOf(header.imageOrientationPatient),
    weighting,
    fatSuppressed: weighting !== 'NONE' && (weighting === 'STIR' || isFatSuppressed(header, sequence)),
    ...regionOf(header),
    localizer: isLocalizer(header, sequence),
  };
}

/** Within 45 degrees of a plane of the patient counts as that plane (oblique sagittal stays sagittal). */
const COS_45 = Math.SQRT1_2;

/** From the direction cosines of row and column (PS3.3 C.7.6.2): the plane whose axis the normal is nearest to. */
export function orientationOf(cosines: readonly number[] | null): Orientation {
  if (cosines?.length !== 6 || !cosines.every(Number.isFinite)) return 'UNKNOWN';
  const [rx, ry, rz, cx, cy, cz] = cosines as [number, number, number, number, number, number];
  const normal = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx].map(Math.abs);
  const [x, y, z] = normal as [number, number, number];
  if (x >= COS_45) return 'SAGITTAL';
  if (z >= COS_45) return 'AXIAL';
  return y >= COS_45 ? 'CORONAL' : 'UNKNOWN';
}

/** Milliseconds. A spin echo with a long echo time is T2 weighted; T1 has both times short. */
const T2_ECHO_TIME_MS = 60;
const T1_ECHO_TIME_MS = 35;
const T1_REPETITION_TIME_MS = 1200;
/** Inversion recovery with a short TI suppresses fat (STIR). */
const STIR_INVERSION_TIME_MS = 300;

function weightingOf(header: RoutingHeader, words: string): Weighting {
  const settled = settledWeighting(words);
  if (settled) return settled;
  const timed = weightingByTiming(header);
  return timed === 'UNKNOWN' ? namedWeighting(words) : timed;
}

function weightingByTiming({
  echoTime,
  repetitionTime,
  inversionTime,
  scanningSequence,
}: RoutingHeader): Weighting {
  const inverted = scanningSequence.includes('IR') && inversionTime !== null && inversionTime > 0;
  if (inverted) return inversionTime < STIR_INVERSION_TIME_MS ? 'STIR' : 'UNKNOWN';
  if (echoTime === null) return 'UNKNOWN';
  if (scanningSequence.includes('GR') && !scanningSequence.includes('SE')) return 'UNKNOWN';
  if (echoTime >= T2_ECHO_TIME_MS) return 'T2';
  if (repetitionTime === null || echoTime > T1_ECHO_TIME_MS) return 'UNKNOWN';
  return repetitionTime <= T1_REPETITION_TIME_MS ? 'T1' : 'PD';
}

/** ScanOptions (PS3.3 C.8.3.1), a Dixon's water picture, or the name. */
function isFatSuppressed({ scanOptions = [], imageType }: RoutingHeader, words: string): boolean {
  return (
    scanOptions.some((option) => /^(FS|FATSAT|SFS)$/i.test(option)) ||
    dixonOfTypes(imageType.slice(2).map((value) => value.toUpperCase())) === 'WATER' ||
    isFatSuppressedByName(words)
  );
}

type RegionSaid = Pick<SeriesAttributes, 'region' | 'regionFrom' | 'regionAmongOthers'>;

/** What names a part of the body; a PACS that is asked says these, but for protocol and code. */
export type NamedSeries = Pick<
  RoutingHeader,
  | 'modality'
  | 'bodyPartExamined'
  | 'seriesDescription'
  | 'protocolName'
  | 'studyDescription'
  | 'anatomicRegion'
>;

/** The body part before descriptions, the series before its study; what names no part passes on. */
export function regionOf(header: NamedSeries): RegionSaid {
  const said = (region: NamedRegion, regionFrom: RegionSource, regionAmongOthers = false): RegionSaid => ({
    region: region === 'TRUNK' ? trunkOn(header.modality) : region,
    regionFrom,
    regionAmongOthers,
  });
  const coded = regionOfCodes(header.anatomicRegion ?? []);
  if (coded) return said(coded, 'AnatomicRegionSequence');
  const part = regionOfBodyPart(header.bodyPartExamined ?? '');
  if (part) return said(part, 'BodyPartExamined');
  const texts = [
    ['SeriesDescription', header.seriesDescription],
    ['ProtocolName', header.protocolName],
    ['StudyDescription', header.studyDescription],
  ] as const;
  for (const [from, text] of texts) {
    const named = regionIn(wordsOf(text ?? ''));
    if (named) return said(named.region, from, named.alsoElsewhere);
  }
  return { region: 'UNKNOWN', regionFrom: '', regionAmongOthers: false };
}

/** A CT of the abdomen shows the lumbar spine; a sagittal MR of a liver or a pelvis does not. */
function trunkOn(modality: string | null): Region {
  return modality === 'CT' ? 'UNKNOWN' : 'OTHER';
}

function isLocalizer({ imageType, modality }: RoutingHeader, words: string): boolean {
  return (
    imageType.some((value) => /^(LOCALIZER|SCOUT|MPR|MIP|PROJECTION IMAGE)$/i.test(value)) ||
    (modality !== null && isPlanningByName(words))
  );
}
