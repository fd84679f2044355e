import { CONCEPT, VALUE } from './codes.js';
import { type ContentItem, code, type DataSet, root, text, uidref } from './content.js';
import { inShort, qualitativeEvaluations } from './evaluations.js';
import { imageLibrary } from './imageLibrary.js';
import { imagingMeasurements } from './measurements.js';
import { MANUFACTURER, MODEL_NAME, modules, reportUids } from './modules.js';
import { writePart10 } from './part10.js';
import { type BuiltReport, type ReportInput, SR_SOP_CLASSES } from './types.js';

/**
 * The Structured Report of a case: TID 1500 in the class the configuration names (PS3.3 A.35.13, PS3.16 A).
 * @returns the same bytes and UIDs for the same input
 * @throws CalcidiscError REPORT_INVALID when the case holds what no report may say
 */
export function buildReport(input: ReportInput): BuiltReport {
  const uids = reportUids(input);
  const sopClassUid = SR_SOP_CLASSES[input.sopClass];
  const file = writePart10(
    { ...modules(input), ...tree(input) },
    { ...uids, sopClassUid, sourceAe: input.device.aeTitle },
  );
  return { file, ...uids, sopClassUid };
}

/** PS3.16 TID 1500, in the order of its rows. */
function tree(input: ReportInput): DataSet {
  const measurements = imagingMeasurements(input);
  return root(CONCEPT.title, '1500', [
    code('HAS CONCEPT MOD', CONCEPT.language, VALUE.english),
    ...deviceObserver(input),
    code('HAS CONCEPT MOD', CONCEPT.procedureReported, VALUE.mriProcedure),
    // An addition, as the template may have: who reads from the top reads it before lists of images.
    text('CONTAINS', CONCEPT.summary, inShort(input)),
    imageLibrary(input),
    ...(measurements === null ? [] : [measurements]),
    qualitativeEvaluations(input),
  ]);
}

/** TID 1004: the observer is this installation, not a person. */
export function deviceObserver({ device }: Pick<ReportInput, 'device'>): ContentItem[] {
  return [
    code('HAS OBS CONTEXT', CONCEPT.observerType, VALUE.device),
    uidref('HAS OBS CONTEXT', CONCEPT.deviceUid, device.uid),
    text('HAS OBS CONTEXT', CONCEPT.deviceName, device.aeTitle || MODEL_NAME),
    text('HAS OBS CONTEXT', CONCEPT.deviceManufacturer, MANUFACTURER),
    text('HAS OBS CONTEXT', CONCEPT.deviceModel, MODEL_NAME),
    text('HAS OBS CONTEXT', CONCEPT.deviceSerial, device.serialNumber),
  ];
}
