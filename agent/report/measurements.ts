import { derivedUid } from '../dicom/uid.js';
import type { Code } from '../domain/code.js';
import { CT_LABELS } from '../domain/ctLabels.js';
import { CALCIFICATION } from '../domain/findings.js';
import { LEVEL_TABLE } from '../domain/levels.js';
import type { PixelBox } from '../locate/types.js';
import { answerLine, certaintyMeaning, siteMeaning } from './answerLine.js';
import { measurementOf, resultOf, scoreOf, unstatedWords } from './answers.js';
import { CONCEPT, UNIT, VALUE } from './codes.js';
import { type ContentItem, code, container, type ImagePoint, num, polygon, text, uidref } from './content.js';
import type { ReportDisc, ReportInput, ReportPatient } from './types.js';
import { invalid } from './values.js';

/** "Imaging Measurements": one measurement group (TID 1410) per disc. Null when no disc was found. */
export function imagingMeasurements(input: ReportInput): ContentItem | null {
  if (input.discs.length === 0) return null;
  const groups = input.discs.map((disc, index) => measurementGroup(input, disc, index));
  return container(CONCEPT.imagingMeasurements, null, groups);
}

function measurementGroup(input: ReportInput, disc: ReportDisc, index: number): ContentItem {
  const confirmed = input.localisation.status === 'located';
  const tracking = trackingOf(input, disc, index);
  return container(CONCEPT.measurementGroup, '1410', [
    text('HAS OBS CONTEXT', CONCEPT.trackingIdentifier, tracking.identifier),
    uidref('HAS OBS CONTEXT', CONCEPT.trackingUid, tracking.uid),
    code('CONTAINS', CONCEPT.findingCategory, VALUE.anatomicalStructure),
    // The disc, not the calcification: a negative disc must not display as a positive.
    code('CONTAINS', CONCEPT.finding, confirmed ? LEVEL_TABLE[disc.level].code : VALUE.disc),
    ...algorithm(input, disc),
    code('HAS CONCEPT MOD', CONCEPT.findingSite, {
      ...(confirmed ? LEVEL_TABLE[disc.level].code : VALUE.lumbarSpine),
      meaning: siteMeaning(input, disc),
    }),
    region('CONTAINS', disc),
    // Before any other comment: viewers take the first as the label of the box.
    text('CONTAINS', CONCEPT.comment, answerLine(input, disc)),
    ...answerItems(input, disc),
    ...ctItems(input, disc),
    ...(confirmed ? [] : [text('CONTAINS', CONCEPT.comment, unconfirmedLevel(disc))]),
  ]);
}

/** Where the disc lies: as the group's region, and once more below each value that was read from it. */
function region(relationship: 'CONTAINS' | 'INFERRED FROM', disc: ReportDisc): ContentItem {
  return polygon(relationship, CONCEPT.imageRegion, outline(disc.roiPixel, disc.imageSize), disc.image);
}

/**
 * Names a disc for follow-up: the same for MR and CT, and for the patient's next study.
 * A patient without an ID can be followed within the study only.
 */
export function trackingUid(
  patient: Pick<ReportPatient, 'id' | 'issuerOfPatientId'>,
  studyInstanceUid: string,
  level: string,
): string {
  return patient.id === ''
    ? derivedUid('tracking', 'study', studyInstanceUid, level)
    : derivedUid('tracking', 'patient', patient.issuerOfPatientId, patient.id, level);
}

/** What a disc of this report is tracked by; `index` is its place in the report. */
export function trackingOf(input: ReportInput, disc: ReportDisc, index: number) {
  return input.localisation.status === 'located'
    ? trackingOfLevel(input, disc)
    : trackingOfUnconfirmed(input, index);
}

function trackingOfLevel({ patient, study }: ReportInput, { level }: ReportDisc) {
  return { identifier: `Disc ${level}`, uid: trackingUid(patient, study.studyInstanceUid, level) };
}

/** A disc whose level is not sure must not line up with one whose level is: it is tracked in this report only. */
function trackingOfUnconfirmed({ caseId, revision, discs }: ReportInput, index: number) {
  return {
    identifier: `Disc ${index + 1} of ${discs.length} from above, level not confirmed`,
    uid: derivedUid('tracking', 'unconfirmed', caseId, revision, index),
  };
}

function unconfirmedLevel({ level }: ReportDisc): string {
  return `The level of this disc is not confirmed. The localiser would call it ${level}; a person must decide.`;
}

function answerItems(input: ReportInput, disc: ReportDisc): ContentItem[] {
  const result = code('CONTAINS', CALCIFICATION.code, resultOf(disc));
  if (disc.answer === null) return [result];
  const score = scoreOf(disc);
  const words = unstatedWords(disc);
  return [
    // The model's answer is a float32: seven digits say all of it.
    ...(score === null
      ? []
      : [
          num(certainty(input, disc), Number((score * 100).toPrecision(7)), UNIT.percent, [
            // OHIF draws a value where the region below it lies (by value; PS3.16 TID 1419 row 10, INFERRED FROM).
            region('INFERRED FROM', disc),
          ]),
        ]),
    result,
    ...(words === null ? [] : [text('CONTAINS', CONCEPT.comment, words)]),
  ];
}

function certainty(input: ReportInput, disc: ReportDisc): Code {
  return { ...CONCEPT.certainty, meaning: certaintyMeaning(input, disc) };
}

/** The CT is the reference standard, never the model's input: its values say by which method they were measured. */
function ctItems(input: ReportInput, disc: ReportDisc): ContentItem[] {
  const ct = measurementOf(input, disc);
  if (ct === null) return [];
  const { label, meanHu, maxHu, areaMm2 } = ct;
  const area = label === 'calcified' ? `, ${areaMm2.toFixed(1)} mm2 of it` : '';
  const words = `CT reference: ${CT_LABELS[label].words} (calcified disc: ${huRange(input)}${area}).`;
  return [
    ...attenuation(CONCEPT.meanAttenuation, meanHu, VALUE.mean),
    ...attenuation(CONCEPT.maximumAttenuation, maxHu, VALUE.maximum),
    text('CONTAINS', CONCEPT.comment, words),
  ];
}

function huRange({ parameters: { huLow, huHigh } }: ReportInput): string {
  return `${huLow} to ${huHigh} HU`;
}

function attenuation(
  concept: Code,
  hu: number | null,
  derivation: typeof VALUE.mean | typeof VALUE.maximum,
): ContentItem[] {
  if (hu === null) return [];
  return [
    num(concept, Number(hu.toPrecision(6)), UNIT.hounsfield, [
      code('HAS CONCEPT MOD', CONCEPT.measurementMethod, VALUE.computedTomography),
      code('HAS CONCEPT MOD', CONCEPT.derivation, derivation),
    ]),
  ];
}

export function certaintyWords(prevalence: number | null): string {
  const is = 'the certainty is the probability of calcification';
  return prevalence === null
    ? is
    : `${is} where ${(100 * prevalence).toPrecision(2)} % of discs are calcified`;
}

/** TID 4019, with what a later reader needs to repeat the answer. */
function algorithm(input: ReportInput, disc: ReportDisc): ContentItem[] {
  const { classifier, localiser, parameters } = input;
  const { name, version } = classifier ?? localiser;
  const parameter = (value: string) => text('HAS CONCEPT MOD', CONCEPT.algorithmParameters, value);
  return [
    text('HAS CONCEPT MOD', CONCEPT.algorithmName, name),
    text('HAS CONCEPT MOD', CONCEPT.algorithmVersion, version),
    text('HAS CONCEPT MOD', CONCEPT.algorithmManufacturer, 'Calcidisc'),
    ...(classifier ? [parameter(`model sha256: ${classifier.sha256}`)] : []),
    ...(disc.answer && scoreOf(disc) !== null
      ? [parameter(`threshold: ${disc.answer.threshold} (${certaintyWords(parameters.prevalence)})`)]
      : []),
    parameter(`localiser: ${localiser.name} ${localiser.version}, sha256: ${localiser.sha256}`),
    parameter(`region: ${parameters.marginMm} mm around the disc`),
    parameter(`grey window: percentiles ${parameters.greyPercentiles.join(' to ')} of the slice`),
    ...(measurementOf(input, disc) ? [parameter(`CT range of a calcified disc: ${huRange(input)}`)] : []),
    code('HAS CONCEPT MOD', CONCEPT.algorithmFamily, VALUE.artificialIntelligence),
  ];
}

/**
 * The corners of a region, from the localiser's pixel frame to the report's.
 * agent/locate counts from the centre of the first pixel, PS3.3 C.18.6 from its top left corner: half a pixel more.
 * What reaches beyond the image is cut, since the report may only point into it.
 */
export function outline(box: PixelBox, [columns, rows]: readonly [number, number]): ImagePoint[] {
  const within = (value: number, size: number) => Math.min(Math.max(value + 0.5, 0), size);
  const [left, right] = [within(box[0], columns), within(box[2], columns)];
  const [top, bottom] = [within(box[1], rows), within(box[3], rows)];
  if (!(left < right && top < bottom)) throw invalid(`the region [${box}] lies outside its image`);
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}
