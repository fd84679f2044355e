import type { CodedText, Designator } from '../dicom/request.js';
import { derivedUid } from '../dicom/uid.js';
import { LEVELS } from '../domain/levels.js';
import { checkedUid, type DataSet, referencedSop } from './content.js';
import type { DocumentReference, ReportInput, ReportSeries } from './types.js';
import { SR_SOP_CLASSES } from './types.js';
import { formatDa, formatTm, invalid, localDateTime, offsetOf, shortText } from './values.js';

export const MANUFACTURER = 'Calcidisc';
export const MODEL_NAME = 'Calcidisc';

/**
 * The same case and revision give the same UIDs for ever: a retry cannot make a second report. All revisions of a case
 * are instances of one series, numbered by revision: viewers that show the last of a series show the newest.
 */
export function reportUids(input: Pick<ReportInput, 'caseId' | 'revision' | 'patient'>) {
  return derivedUids('report', input);
}

/** Of a report or one of its other forms, each a series of its own. */
export function derivedUids(
  kind: 'report' | 'capture' | 'presentation' | 'document',
  { caseId, revision, patient }: Pick<ReportInput, 'caseId' | 'revision' | 'patient'>,
) {
  return {
    sopInstanceUid: derivedUid(kind, caseId, revision, 'instance'),
    // A series is of one patient (PS3.3 A.1.2): a case that went to another one goes on in another series.
    seriesInstanceUid: derivedUid(kind, caseId, 'series', patient.issuerOfPatientId, patient.id),
  };
}

/** Everything around the tree (PS3.3 A.35.13: patient, study, series, equipment, document, SOP common). */
export function modules(input: ReportInput): DataSet {
  const now = localDateTime(input.createdAt, offsetOf(input));
  return {
    ...sopCommon(input, now),
    ...patientModule(input),
    ...studyModule(input),
    ...series(input),
    ...equipment(input),
    ...document(input, now),
  };
}

type Now = ReturnType<typeof localDateTime>;

function sopCommon(input: ReportInput, now: Now): DataSet {
  return {
    // PS3.3 C.12.1.1.2: everything is written as UTF-8.
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: SR_SOP_CLASSES[input.sopClass],
    SOPInstanceUID: reportUids(input).sopInstanceUid,
    InstanceCreationDate: now.da,
    InstanceCreationTime: now.tm,
  };
}

/** Identity is copied as it came, too long or not: the PACS compares it with the MR's, character for character. */
export function patientModule({ patient }: ReportInput): DataSet {
  return {
    PatientName: patient.name,
    PatientID: patient.id,
    ...(patient.issuerOfPatientId ? { IssuerOfPatientID: patient.issuerOfPatientId } : {}),
    PatientBirthDate: formatDa(patient.birthDate),
    PatientSex: ['M', 'F', 'O'].includes(patient.sex) ? patient.sex : '',
    // Patient Study module (PS3.3 C.7.2.2): of the study, so the same as the MR's.
    ...(patient.age && /^\d{3}[DWMY]$/.test(patient.age) ? { PatientAge: patient.age } : {}),
  };
}

export function studyModule({ study }: ReportInput): DataSet {
  return {
    StudyInstanceUID: checkedUid(study.studyInstanceUid),
    StudyDate: formatDa(study.date),
    StudyTime: formatTm(study.time),
    ReferringPhysicianName: study.referringPhysicianName,
    StudyID: study.studyId,
    AccessionNumber: study.accessionNumber,
    ...designated('IssuerOfAccessionNumberSequence', study.issuerOfAccessionNumber),
    ...(study.description ? { StudyDescription: study.description } : {}),
  };
}

/** The same for every revision, so without the date and time of one. */
function series(input: ReportInput): DataSet {
  return {
    Modality: 'SR',
    SeriesInstanceUID: reportUids(input).seriesInstanceUid,
    // High, so that it is listed after the images.
    SeriesNumber: '9001',
    SeriesDescription: shortText('LO', input.seriesDescription),
    ReferencedPerformedProcedureStepSequence: [],
  };
}

/** Enhanced General Equipment (PS3.3 C.7.5.2): all four are type 1. */
export function equipment({ device }: ReportInput): DataSet {
  return {
    Manufacturer: MANUFACTURER,
    ManufacturerModelName: MODEL_NAME,
    DeviceSerialNumber: shortText('LO', device.serialNumber),
    SoftwareVersions: shortText('LO', device.softwareVersion),
    ...(device.aeTitle ? { StationName: shortText('SH', device.aeTitle) } : {}),
  };
}

/** SR Document General (PS3.3 C.17.2). */
function document(input: ReportInput, now: Now): DataSet {
  return {
    InstanceNumber: String(input.revision),
    PreliminaryFlag: 'PRELIMINARY',
    VerificationFlag: 'UNVERIFIED',
    ...completion(input),
    ContentDate: now.da,
    ContentTime: now.tm,
    AuthorObserverSequence: [author(input)],
    ...predecessors(input),
    ...requests(input),
    PerformedProcedureCodeSequence: [],
    ...evidence(input),
  };
}

/** The order that the report answers (PS3.3 C.17.2), as far as the MR's header has it. */
function requests({ study }: ReportInput): DataSet {
  const { request, accessionNumber } = study;
  if (!request && !accessionNumber) return {};
  return {
    ReferencedRequestSequence: [
      {
        StudyInstanceUID: checkedUid(study.studyInstanceUid),
        ReferencedStudySequence: [],
        AccessionNumber: accessionNumber,
        ...designated('IssuerOfAccessionNumberSequence', request?.issuerOfAccession),
        PlacerOrderNumberImagingServiceRequest: request?.placerOrderNumber ?? '',
        ...designated('OrderPlacerIdentifierSequence', request?.placerIssuer),
        FillerOrderNumberImagingServiceRequest: request?.fillerOrderNumber ?? '',
        ...designated('OrderFillerIdentifierSequence', request?.fillerIssuer),
        RequestedProcedureID: request?.id ?? '',
        RequestedProcedureDescription: request?.description ?? '',
        RequestedProcedureCodeSequence: request?.code ? [codeItem(request.code)] : [],
      },
    ],
  };
}

/** Hierarchic Designator (PS3.3 10.14): a universal id stands with its type or not at all. */
function designated(sequence: string, issuer: Designator | null | undefined): DataSet {
  if (!issuer) return {};
  const { local, universal, universalType } = issuer;
  const isUniversal = universal !== '' && universalType !== '';
  const item = {
    ...(local ? { LocalNamespaceEntityID: local } : {}),
    ...(isUniversal ? { UniversalEntityID: universal, UniversalEntityIDType: universalType } : {}),
  };
  return Object.keys(item).length > 0 ? { [sequence]: [item] } : {};
}

const codeItem = ({ value, scheme, meaning }: CodedText): DataSet => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
});

function predecessors({ predecessor, alsoReplaced = [] }: ReportInput): DataSet {
  if (predecessor === null) return {};
  return { PredecessorDocumentsSequence: hierarchy([predecessor, ...alsoReplaced].map(asSeries)) };
}

/** COMPLETE when all five discs were named and read, else what is missing. */
function completion({ localisation, discs }: ReportInput): DataSet {
  const gaps = [
    ...(localisation.status === 'located' ? [] : [`localisation ${localisation.status}`]),
    ...(discs.length < LEVELS.length ? [`${discs.length} of ${LEVELS.length} discs found`] : []),
    ...(discs.some((disc) => disc.answer === null) ? ['not every disc classified'] : []),
  ];
  return gaps.length === 0
    ? { CompletionFlag: 'COMPLETE' }
    : { CompletionFlag: 'PARTIAL', CompletionFlagDescription: shortText('LO', gaps.join(', ')) };
}

/** PS3.3 table C.17-3b, a device. */
function author({ device }: ReportInput): DataSet {
  return {
    ObserverType: 'DEV',
    StationName: device.aeTitle ? shortText('SH', device.aeTitle) : '',
    DeviceUID: checkedUid(device.uid),
    Manufacturer: MANUFACTURER,
    ManufacturerModelName: MODEL_NAME,
    InstitutionName: '',
    InstitutionCodeSequence: [],
  };
}

/** Images of the MR's own study stand apart from those of another study (PS3.3 C.17.2, both 1C). */
function evidence({ mr, ct, study }: ReportInput): DataSet {
  const read = [mr, ...(ct === null ? [] : [ct])];
  if (mr.studyInstanceUid !== study.studyInstanceUid) throw invalid('the MR series is of another study');
  if (read.some((series) => series.instances.length === 0)) throw invalid('a series without images');
  const own = read.filter((series) => series.studyInstanceUid === study.studyInstanceUid);
  const other = read.filter((series) => series.studyInstanceUid !== study.studyInstanceUid);
  return {
    CurrentRequestedProcedureEvidenceSequence: hierarchy(own),
    ...(other.length > 0 ? { PertinentOtherEvidenceSequence: hierarchy(other) } : {}),
  };
}

type SeriesReference = Pick<ReportSeries, 'studyInstanceUid' | 'seriesInstanceUid' | 'instances'>;

function asSeries(document: DocumentReference): SeriesReference {
  return { ...document, instances: [document] };
}

/** Hierarchical SOP Instance Reference (PS3.3 C.17.2.1): one item per study, its series below it. */
export function hierarchy(series: readonly SeriesReference[]): DataSet[] {
  const studies = new Set(series.map((one) => one.studyInstanceUid));
  return [...studies].map((studyInstanceUid) => ({
    StudyInstanceUID: checkedUid(studyInstanceUid),
    ReferencedSeriesSequence: series
      .filter((one) => one.studyInstanceUid === studyInstanceUid)
      .map((one) => ({
        SeriesInstanceUID: checkedUid(one.seriesInstanceUid),
        ReferencedSOPSequence: one.instances.map(referencedSop),
      })),
  }));
}
