import { SOP_CLASSES } from '../dicom/sopClasses.js';
import type { DataSet } from './content.js';
import { derivedUids, equipment, patientModule, studyModule } from './modules.js';
import { writePart10 } from './part10.js';
import type { BuiltReport, ReportInput } from './types.js';
import { localDateTime, offsetOf, shortText } from './values.js';

/** The forms of a result that are DICOM objects beside the Structured Report, each a series of its own. */
export const COMPANIONS = {
  capture: { sopClass: 'secondaryCapture', modality: 'OT', seriesNumber: '9002', words: 'picture', room: 54 },
  presentation: {
    ...{ sopClass: 'grayscaleSoftcopyPresentationState', modality: 'PR', seriesNumber: '9003' },
    ...{ words: 'on the image', room: 50 },
  },
  document: { sopClass: 'encapsulatedPdf', modality: 'DOC', seriesNumber: '9004', words: 'page', room: 57 },
} as const satisfies Record<string, Companion>;

interface Companion {
  readonly sopClass: keyof typeof SOP_CLASSES;
  readonly modality: string;
  readonly seriesNumber: string;
  /** After the series description of the report, of which so many characters stay (LO). */
  readonly words: string;
  readonly room: number;
}

/**
 * One of them as a file: who, which study and series, equipment, and of which revision; `content` is the rest.
 * @throws CalcidiscError REPORT_INVALID as buildReport
 */
export function companionFile(
  kind: keyof typeof COMPANIONS,
  input: ReportInput,
  content: DataSet,
): BuiltReport {
  const { sopClass, modality, seriesNumber, words, room } = COMPANIONS[kind];
  const uids = derivedUids(kind, input);
  const sopClassUid = SOP_CLASSES[sopClass].uid;
  const now = localDateTime(input.createdAt, offsetOf(input));
  const dataset: DataSet = {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: uids.sopInstanceUid,
    InstanceCreationDate: now.da,
    InstanceCreationTime: now.tm,
    ...patientModule(input),
    ...studyModule(input),
    Modality: modality,
    SeriesInstanceUID: uids.seriesInstanceUid,
    SeriesNumber: seriesNumber,
    SeriesDescription: shortText('LO', `${input.seriesDescription.slice(0, room)}: ${words}`),
    ...equipment(input),
    InstanceNumber: String(input.revision),
    ...content,
  };
  const file = writePart10(dataset, { ...uids, sopClassUid, sourceAe: input.device.aeTitle });
  return { file, ...uids, sopClassUid };
}
