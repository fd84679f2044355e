import { type AcquisitionDate, acquisitionDateOf, isoDate, todayIso } from './dates.js';
import type { DataSet } from './elements.js';
import type { Keyword } from './keywords.js';
import { type Part10, readPart10Header } from './parse.js';
import { type Designator, designatorOf, type RequestedProcedure, requestOf } from './request.js';

/**
 * What the product needs to know of an instance without its pixels. What is missing, empty or no legal value is
 * null; lists may be empty. Dates are ISO (2024-01-31), times DICOM's own HHMMSS.FFF.
 */
export interface Header extends AcquisitionDate {
  readonly sopClassUid: string | null;
  readonly sopInstanceUid: string | null;
  readonly studyInstanceUid: string | null;
  readonly seriesInstanceUid: string | null;
  readonly transferSyntaxUid: string;
  readonly specificCharacterSet: readonly string[];
  readonly modality: string | null;
  readonly manufacturer: string | null;
  readonly manufacturerModelName: string | null;

  readonly patientId: string | null;
  readonly issuerOfPatientId: string | null;
  /** As PN writes it (Family^Given^Middle^Prefix^Suffix), in Unicode. Never logged. */
  readonly patientName: string | null;
  readonly patientBirthDate: string | null;
  readonly patientSex: string | null;
  /** As AS writes it: 063Y. */
  readonly patientAge: string | null;
  /** Metres. */
  readonly patientSize: number | null;
  /** Kilograms. */
  readonly patientWeight: number | null;

  /** The order it was made for; null when the header says nothing of one. */
  readonly request: RequestedProcedure | null;
  /** Of the study itself, where its images say it. */
  readonly issuerOfAccessionNumber: Designator | null;
  readonly studyId: string | null;
  readonly accessionNumber: string | null;
  readonly studyDate: string | null;
  readonly studyTime: string | null;
  readonly studyDescription: string | null;
  readonly referringPhysicianName: string | null;

  readonly seriesNumber: number | null;
  readonly seriesDescription: string | null;
  readonly seriesDate: string | null;
  readonly protocolName: string | null;
  readonly bodyPartExamined: string | null;
  readonly frameOfReferenceUid: string | null;

  readonly instanceNumber: number | null;
  readonly imageType: readonly string[];
  readonly rows: number | null;
  readonly columns: number | null;
  readonly numberOfFrames: number | null;
  /** Enhanced multi-frame: of the first frame, from the functional groups. So are the next four. */
  readonly imageOrientationPatient: readonly number[] | null;
  readonly imagePositionPatient: readonly number[] | null;
  /** [row spacing, column spacing], mm. */
  readonly pixelSpacing: readonly number[] | null;
  readonly sliceThickness: number | null;
  readonly spacingBetweenSlices: number | null;
  readonly gantryDetectorTilt: number | null;

  readonly scanningSequence: readonly string[];
  readonly sequenceName: string | null;
  readonly echoTime: number | null;
  readonly repetitionTime: number | null;
  readonly inversionTime: number | null;
  readonly echoNumbers: number | null;
  readonly magneticFieldStrength: number | null;
}

/**
 * Reads a Part 10 file up to its pixel data; garbage inside gives nulls.
 * @throws CalcidiscError NOT_DICOM when the file is no Part 10 file; the file system's own errors
 */
export async function readHeader(path: string): Promise<Header> {
  return headerOf(await readPart10Header(path));
}

/** @param today what lies after it is no date of an image */
export function headerOf({ meta, dataSet, transferSyntaxUid }: Part10, today = todayIso()): Header {
  return {
    sopClassUid: dataSet.string('SOPClassUID') ?? meta.string('MediaStorageSOPClassUID'),
    sopInstanceUid: dataSet.string('SOPInstanceUID') ?? meta.string('MediaStorageSOPInstanceUID'),
    studyInstanceUid: dataSet.string('StudyInstanceUID'),
    seriesInstanceUid: dataSet.string('SeriesInstanceUID'),
    transferSyntaxUid,
    specificCharacterSet: dataSet.strings('SpecificCharacterSet'),
    modality: dataSet.string('Modality'),
    manufacturer: dataSet.text('Manufacturer'),
    manufacturerModelName: dataSet.text('ManufacturerModelName'),
    ...patientOf(dataSet),
    ...studyOf(dataSet),
    ...seriesOf(dataSet),
    ...acquisitionDateOf(dataSet, isoDate(dataSet.string('PatientBirthDate')), today),
    ...planeOf(dataSet),
    ...timingOf(dataSet),
  };
}

function patientOf(dataSet: DataSet) {
  return {
    patientId: dataSet.text('PatientID'),
    issuerOfPatientId: dataSet.text('IssuerOfPatientID'),
    patientName: dataSet.text('PatientName'),
    patientBirthDate: isoDate(dataSet.string('PatientBirthDate')),
    patientSex: dataSet.string('PatientSex'),
    patientAge: dataSet.string('PatientAge'),
    patientSize: dataSet.number('PatientSize'),
    patientWeight: dataSet.number('PatientWeight'),
  };
}

function studyOf(dataSet: DataSet) {
  return {
    request: requestOf(dataSet),
    issuerOfAccessionNumber: designatorOf(dataSet.items('IssuerOfAccessionNumberSequence')[0]),
    studyId: dataSet.text('StudyID'),
    accessionNumber: dataSet.text('AccessionNumber'),
    studyDate: isoDate(dataSet.string('StudyDate')),
    studyTime: time(dataSet.string('StudyTime')),
    studyDescription: dataSet.text('StudyDescription'),
    referringPhysicianName: dataSet.text('ReferringPhysicianName'),
  };
}

function seriesOf(dataSet: DataSet) {
  return {
    seriesNumber: integer(dataSet, 'SeriesNumber'),
    seriesDescription: dataSet.text('SeriesDescription'),
    seriesDate: isoDate(dataSet.string('SeriesDate')),
    protocolName: dataSet.text('ProtocolName'),
    bodyPartExamined: dataSet.string('BodyPartExamined'),
    frameOfReferenceUid: dataSet.string('FrameOfReferenceUID'),
    instanceNumber: integer(dataSet, 'InstanceNumber'),
    imageType: dataSet.strings('ImageType'),
  };
}

/** PS3.3 C.7.6.16.2: the macro sequences of an enhanced object's frame, shared ones first. */
function planeOf(dataSet: DataSet) {
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const frame = dataSet.items('PerFrameFunctionalGroupsSequence')[0];
  const macro = (sequence: Keyword) => shared?.items(sequence)[0] ?? frame?.items(sequence)[0] ?? dataSet;
  const measures = macro('PixelMeasuresSequence');
  return {
    rows: integer(dataSet, 'Rows'),
    columns: integer(dataSet, 'Columns'),
    numberOfFrames: integer(dataSet, 'NumberOfFrames'),
    imageOrientationPatient: macro('PlaneOrientationSequence').numbers('ImageOrientationPatient', 6),
    imagePositionPatient: macro('PlanePositionSequence').numbers('ImagePositionPatient', 3),
    pixelSpacing: measures.numbers('PixelSpacing', 2),
    sliceThickness: measures.number('SliceThickness'),
    spacingBetweenSlices: measures.number('SpacingBetweenSlices'),
    gantryDetectorTilt: dataSet.number('GantryDetectorTilt'),
  };
}

function timingOf(dataSet: DataSet) {
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const frame = dataSet.items('PerFrameFunctionalGroupsSequence')[0];
  const group = (sequence: Keyword) => shared?.items(sequence)[0] ?? frame?.items(sequence)[0];
  return {
    scanningSequence: dataSet.strings('ScanningSequence'),
    sequenceName: dataSet.text('SequenceName'),
    echoTime: group('MREchoSequence')?.number('EffectiveEchoTime') ?? dataSet.number('EchoTime'),
    repetitionTime:
      group('MRTimingAndRelatedParametersSequence')?.number('RepetitionTime') ??
      dataSet.number('RepetitionTime'),
    inversionTime: dataSet.number('InversionTime'),
    echoNumbers: integer(dataSet, 'EchoNumbers'),
    magneticFieldStrength: dataSet.number('MagneticFieldStrength'),
  };
}

function integer(dataSet: DataSet, keyword: Keyword): number | null {
  const value = dataSet.number(keyword);
  return Number.isSafeInteger(value) ? value : null;
}

function time(text: string | null): string | null {
  return text !== null && /^([01]\d|2[0-3])([0-5]\d([0-5]\d|60)?(\.\d{1,6})?)?$/.test(text) ? text : null;
}
