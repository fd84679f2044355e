import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { derivedUid } from '../dicom/uid.js';
import { type Code, dcm } from '../domain/code.js';
import { deviceObserver } from './build.js';
import { CONCEPT, VALUE } from './codes.js';
import { code, composite, type DataSet, image, root, text } from './content.js';
import { equipment, hierarchy, patientModule, studyModule } from './modules.js';
import { writePart10 } from './part10.js';
import type { BuiltReport, DocumentReference, ReportInput } from './types.js';
import { localDateTime, offsetOf, shortText } from './values.js';

/** Document titles by which an object is rejected (PS3.16 CID 7010), as IHE's Imaging Object Change Management has them. */
export const REJECTIONS = {
  /** What it says is wrong: nobody is to see it. */
  safety: dcm('113037', 'Rejected for Patient Safety Reasons'),
  /** It is of another patient or order. */
  worklist: dcm('113038', 'Incorrect Modality Worklist Entry'),
  retention: dcm('113039', 'Data Retention Policy Expired'),
} as const satisfies Record<string, Code>;

export type RejectionReason = keyof typeof REJECTIONS;

const DESCRIPTION = dcm('113012', 'Key Object Description');

export interface Rejection {
  readonly reason: RejectionReason;
  /** In words. */
  readonly words: string;
  readonly at: Date;
  /** SR and pictures of every revision that the destination has. */
  readonly objects: readonly DocumentReference[];
}

/**
 * A rejection note: Key Object Selection (PS3.3 A.35.4, PS3.16 TID 2010) that takes back what a PACS was given.
 * @returns the same bytes and UIDs for the same rejection
 */
export function buildRejectionNote(
  input: ReportInput,
  { reason, words, at, objects }: Rejection,
): BuiltReport {
  const sopClassUid = SOP_CLASSES.keyObjectSelection.uid;
  const { caseId, patient, device } = input;
  const sopInstanceUid = derivedUid(
    'rejection',
    caseId,
    at.toISOString(),
    ...objects.map((each) => each.sopInstanceUid),
  );
  const seriesInstanceUid = derivedUid('rejection', caseId, 'series', patient.issuerOfPatientId, patient.id);
  const now = localDateTime(at, offsetOf(input));
  const dataset: DataSet = {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: sopInstanceUid,
    InstanceCreationDate: now.da,
    InstanceCreationTime: now.tm,
    ...patientModule(input),
    ...studyModule(input),
    Modality: 'KO',
    SeriesInstanceUID: seriesInstanceUid,
    SeriesNumber: '9009',
    SeriesDescription: shortText('LO', `${input.seriesDescription.slice(0, 50)}: withdrawn`),
    ReferencedPerformedProcedureStepSequence: [],
    ...equipment(input),
    InstanceNumber: String(input.revision),
    ContentDate: now.da,
    ContentTime: now.tm,
    CurrentRequestedProcedureEvidenceSequence: hierarchy(
      objects.map((each) => ({ ...each, instances: [each] })),
    ),
    ...root(REJECTIONS[reason], '2010', [
      code('HAS CONCEPT MOD', CONCEPT.language, VALUE.english),
      ...deviceObserver(input),
      text('CONTAINS', DESCRIPTION, words),
      ...objects.map((each) =>
        each.sopClassUid === SOP_CLASSES.secondaryCapture.uid
          ? image('CONTAINS', each)
          : composite('CONTAINS', each),
      ),
    ]),
  };
  const file = writePart10(dataset, { sopClassUid, sopInstanceUid, sourceAe: device.aeTitle });
  return { file, sopInstanceUid, seriesInstanceUid, sopClassUid };
}
