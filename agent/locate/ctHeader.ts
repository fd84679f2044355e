import type { DataSet } from '../dicom/elements.js';
import type { Header } from '../dicom/header.js';
import type { Keyword } from '../dicom/keywords.js';
import type { StoredPixels } from '../dicom/pixels.js';
import type { CtContrast } from '../domain/ctReading.js';

/** Hounsfield value of air, and of whatever lies outside the scan. */
export const AIR_HU = -1024;
/** No scanner's scale for tissue, bone and implants reaches further (PS3.3 C.8.2.1 knows no bound). */
const MOST_HU = 3100;

/** What the header of one CT image says of its values. */
export interface CtImageFacts {
  readonly manufacturer: string | null;
  readonly kernels: readonly string[];
  readonly contrast: CtContrast;
  /** What was computed instead of reconstructed, in words. */
  readonly derived: Derived | null;
  readonly sliceThicknessMm: number | null;
  /** PixelPaddingValue, a stored value; null for none. */
  readonly padding: number | null;
}

export interface Derived {
  readonly words: string;
  /** Its values are attenuation in Hounsfield units, if of another kind than a plain reconstruction's. */
  readonly isHounsfield: boolean;
}

/**
 * Pictures that CTs compute, by ImageType (PS3.3 C.8.2.1.1.1 and C.8.15.3.4: value 4) and by what senders write in
 * descriptions. Matched in upper case; the first that fits counts.
 */
const DERIVED: readonly (readonly [pattern: RegExp, words: string, isHounsfield: boolean])[] = [
  [/\bMAT_REMOVED\b|\bVNCA\b|VIRTUAL NON.?CALCIUM|CA(LCIUM)? ?SUPP/, 'calcium removed by computation', false],
  [/\bEFF_ATOMIC_NUM\b|\bZ.?EFF\b|\bEFFECTIVE.?Z\b|\bRHO ?\/ ?Z\b/, 'effective atomic numbers', false],
  [/\bELECTRON.?DENS|\bDENSITY( |_)?MAP\b|^DENSITY$|\bED MAP\b|\bEDENS/, 'a density map', false],
  [/\bMAT_(SPECIFIC|FRACTIONAL|VALUE_BASED|MODIFIED)\b|\bMATERIAL.?(DENSITY|MAP)\b/, 'a material map', false],
  [/\b(IODINE|WATER|CALCIUM|HAP|FAT) ?\((IODINE|WATER|CALCIUM|HAP|FAT)\)/, 'a material map', false],
  [/\bIODINE.?(MAP|DENSITY|OVERLAY)\b|\bPERFUSION|\b[RC]B[FV]\b|\bMTT\b/, 'a map of contrast agent', false],
  [/\bDOSE.?(MAP|REPORT|INFO)|\bDOSIMETR|\bRT ?DOSE\b/, 'a dose map', false],
  [/\b(MIN|MAX)_?IP\b|\bMIP\b|\bMINIP\b|\bMAXIMUM\b|\bMINIMUM\b|\bVOLREN\b|\bVRT\b/, 'a projection', false],
  [/\bSUBTRACT(ED|ION)\b/, 'a difference of two scans', false],
  [/\bVNC\b|\bVUE\b|VIRTUAL.?(NON|UN)/, 'virtual non-contrast', true],
  [/\bVMI\b|\bMONO.?E|\bMONO\b|\b\d\d+ ?KEV\b/, 'monoenergetic', true],
];

/** Words for an agent that was not given. */
const NO_AGENT =
  /^(NO(NE|N|T|NO)?\b.*|N\.?|W\/?O\b.*|WITHOUT\b.*|OHNE\b.*|NATIV\b.*|SANS\b.*|SIN\b.*|SENZA\b.*|SEM\b.*|ZONDER\b.*|0|-+)$/;
const INTRATHECAL = /\bINTRA.?THE[CK]AL|\bINTRASPINAL|\bMYELO/;

/**
 * @param macro an image's (or frame's) functional group, the data set itself where there is none
 */
export function ctImageFacts(
  dataSet: DataSet,
  macro: (sequence: Keyword) => DataSet,
  header: Pick<
    Header,
    'manufacturer' | 'imageType' | 'seriesDescription' | 'studyDescription' | 'protocolName'
  >,
): CtImageFacts {
  const reconstruction = macro('CTReconstructionSequence');
  return {
    manufacturer: header.manufacturer,
    // Siemens's second value is the strength of an iterative reconstruction: a digit.
    kernels: reconstruction
      .strings('ConvolutionKernel')
      .filter((name, i) => name !== '' && (i === 0 || !/^\d$/.test(name))),
    contrast: contrastOf(dataSet, header),
    derived: derivedOf(header),
    sliceThicknessMm: macro('PixelMeasuresSequence').number('SliceThickness'),
    padding: dataSet.number('PixelPaddingValue'),
  };
}

function derivedOf({ imageType, seriesDescription }: Pick<Header, 'imageType' | 'seriesDescription'>) {
  const said = [...imageType.slice(2), seriesDescription ?? ''].map((text) => text.toUpperCase());
  const found = DERIVED.find(([pattern]) => said.some((text) => pattern.test(text)));
  return found ? { words: found[1], isHounsfield: found[2] } : null;
}

function contrastOf(
  dataSet: DataSet,
  { seriesDescription, studyDescription, protocolName }: Parameters<typeof ctImageFacts>[2],
): CtContrast {
  const agents = dataSet.items('ContrastBolusAgentSequence');
  const routes = [dataSet, ...agents].flatMap((item) => [
    item.text('ContrastBolusRoute') ?? '',
    ...[...item.items('ContrastBolusAdministrationRouteSequence')].map(
      (code) => code.text('CodeMeaning') ?? '',
    ),
  ]);
  const agent = (dataSet.text('ContrastBolusAgent') ?? '').toUpperCase();
  const said = [...routes, agent, seriesDescription, studyDescription, protocolName];
  if (said.some((text) => INTRATHECAL.test((text ?? '').toUpperCase()))) return 'intrathecal';
  const isGiven = agents.length > 0 || (agent !== '' && !NO_AGENT.test(agent));
  return isGiven ? 'given' : 'not-said';
}

/**
 * What is padded outside the circle of reconstruction (PS3.3 C.7.5.1.1.2) becomes air, in place, where its value could
 * pass for something else: -2000 read as unsigned is denser than any metal.
 */
export function paddingToAir(
  stored: StoredPixels,
  padding: number | null,
  { slope, intercept }: { readonly slope: number; readonly intercept: number },
): void {
  if (padding === null) return;
  const { BYTES_PER_ELEMENT } = stored;
  const values = 2 ** (8 * BYTES_PER_ELEMENT);
  const isSigned = stored instanceof Int16Array || stored instanceof Int8Array;
  // Senders write the same bits as a signed or an unsigned number.
  const own = isSigned ? padding - (padding >= values / 2 ? values : 0) : (padding + values) % values;
  const hu = own * slope + intercept;
  if (hu >= AIR_HU && hu <= MOST_HU) return;
  const least = isSigned ? -values / 2 : 0;
  const air = Math.max(least, Math.round((AIR_HU - intercept) / slope));
  for (let at = 0; at < stored.length; at++) if (stored[at] === own) stored[at] = air;
}
