/** The keywords of a series' first image that routing looks at (PS3.6); null where the image has none. */
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
}

export type Orientation = 'SAGITTAL' | 'AXIAL' | 'CORONAL' | 'UNKNOWN';
export type Weighting = 'T1' | 'T2' | 'T2STAR' | 'PD' | 'STIR' | 'FLAIR' | 'DWI' | 'NONE' | 'UNKNOWN';
export type Region = 'LUMBAR' | 'OTHER' | 'UNKNOWN';

/** What a routing rule may ask about: DICOM keywords as they came, and three things worked out from them. */
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
  readonly region: Region;
  /** A scout or a derived picture (ImageType value 3 LOCALIZER, or value 1 DERIVED with a rendering). */
  readonly localizer: boolean;
}

export function attributesOf(header: RoutingHeader, callingAe: string): SeriesAttributes {
  const names = [header.seriesDescription, header.protocolName]
    .map((name) => name ?? '')
    .join(' ')
    .toUpperCase();
  const places = [header.bodyPartExamined, names, header.studyDescription]
    .map((name) => name ?? '')
    .join(' ');
  return {
    Modality: header.modality ?? '',
    SeriesDescription: header.seriesDescription ?? '',
    StudyDescription: header.studyDescription ?? '',
    ProtocolName: header.protocolName ?? '',
    BodyPartExamined: header.bodyPartExamined ?? '',
    ImageType: header.imageType,
    CallingAE: callingAe,
    orientation: orientationOf(header.imageOrientationPatient),
    weighting: header.modality === 'MR' ? weightingOf(header, names) : 'NONE',
    region: regionOf(places),
    localizer: isLocalizer(header.imageType, names),
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

/** Names that settle the weighting whatever the timing says; the first that matches wins. */
const WEIGHTING_NAMES: readonly (readonly [RegExp, Weighting])[] = [
  [/\b(STIR|TIRM)\b/, 'STIR'],
  [/FLAIR/, 'FLAIR'],
  [/\b(DWI|DIFF|ADC|TRACE)/, 'DWI'],
  [/T2\s?\*|T2STAR|MEDIC|MERGE/, 'T2STAR'],
];
const WEIGHTING_NAMES_IF_NO_TIMING: readonly (readonly [RegExp, Weighting])[] = [
  [/(^|[^A-Z0-9])T2/, 'T2'],
  [/(^|[^A-Z0-9])T1/, 'T1'],
  [/(^|[^A-Z])PD/, 'PD'],
];

/** Milliseconds. A spin echo with a long echo time is T2 weighted; T1 has both times short. */
const T2_ECHO_TIME_MS = 60;
const T1_ECHO_TIME_MS = 35;
const T1_REPETITION_TIME_MS = 1200;
/** Inversion recovery with a short TI suppresses fat (STIR). */
const STIR_INVERSION_TIME_MS = 300;

function weightingOf(header: RoutingHeader, names: string): Weighting {
  const named = WEIGHTING_NAMES.find(([pattern]) => pattern.test(names));
  if (named) return named[1];
  const timed = weightingByTiming(header);
  if (timed !== 'UNKNOWN') return timed;
  return WEIGHTING_NAMES_IF_NO_TIMING.find(([pattern]) => pattern.test(names))?.[1] ?? 'UNKNOWN';
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

const LUMBAR =
  /L[\s_-]?SPINE|L[\s_-]?SP\b|LUMB|LWS|LENDEN|LOMBA|LOMBO|\bL\.?S\.?\b|LSWS|LSPINE|TLSPINE|SPINE.?LUMB|腰/iu;
const OTHER_REGION =
  /BRAIN|HEAD|SKULL|NECK|C[\s_-]?SPINE|CERVIC|HWS|T[\s_-]?SPINE|THORA|BWS|CHEST|KNEE|HIP|SHOULDER|ANKLE|WRIST|ELBOW|FOOT|HAND|BREAST|PROSTATE|HEART|CARDIAC/i;

/** The lumbar words win: a study of thoracic and lumbar spine is a lumbar study too. */
function regionOf(places: string): Region {
  if (LUMBAR.test(places)) return 'LUMBAR';
  return OTHER_REGION.test(places) ? 'OTHER' : 'UNKNOWN';
}

function isLocalizer(imageType: readonly string[], names: string): boolean {
  return (
    imageType.some((value) => /^(LOCALIZER|SCOUT|MPR|MIP|PROJECTION IMAGE)$/i.test(value)) ||
    /\b(SCOUT|LOCALI[SZ]ER|SURVEY)\b/.test(names)
  );
}
