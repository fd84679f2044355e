import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { type CaptureSlice, drawCapture } from './capturePicture.js';
import type { DataSet } from './content.js';
import { referencedSop } from './content.js';
import { derivedUids, equipment, patientModule, studyModule } from './modules.js';
import { writePart10 } from './part10.js';
import type { BuiltReport, ReportInput } from './types.js';
import { localDateTime, offsetOf, shortText } from './values.js';

/**
 * A Secondary Capture of the slice that was read, with the answer on it (PS3.3 A.8.1): RGB, burned-in words of the
 * finding and none of the person. Modality OT, so that no rule for MR or CT takes it for a source image.
 * @throws CalcidiscError REPORT_INVALID as buildReport
 */
export async function buildCapture(input: ReportInput, slice: CaptureSlice | null): Promise<BuiltReport> {
  const uids = derivedUids('capture', input);
  const sopClassUid = SOP_CLASSES.secondaryCapture.uid;
  const { width, height, pixels } = await drawCapture(input, slice);
  const now = localDateTime(input.createdAt, offsetOf(input));
  const dataset: DataSet = {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: uids.sopInstanceUid,
    InstanceCreationDate: now.da,
    InstanceCreationTime: now.tm,
    ImageType: 'DERIVED\\SECONDARY',
    ...patientModule(input),
    ...studyModule(input),
    Modality: 'OT',
    SeriesInstanceUID: uids.seriesInstanceUid,
    SeriesNumber: '9002',
    SeriesDescription: shortText('LO', `${input.seriesDescription.slice(0, 54)}: picture`),
    ...equipment(input),
    // PS3.3 C.8.6.1: made by a workstation, not scanned.
    ConversionType: 'WSD',
    InstanceNumber: String(input.revision),
    BodyPartExamined: 'LSPINE',
    PatientOrientation: '',
    ContentDate: now.da,
    ContentTime: now.tm,
    BurnedInAnnotation: 'YES',
    DerivationDescription: 'Slice that was read, with regions and answers drawn on it. AI, research only',
    ...(input.discs[0] ? { SourceImageSequence: [referencedSop(input.discs[0].image)] } : {}),
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: height,
    Columns: width,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: pixels,
  };
  const file = writePart10(dataset, { ...uids, sopClassUid, sourceAe: input.device.aeTitle });
  return { file, ...uids, sopClassUid };
}
