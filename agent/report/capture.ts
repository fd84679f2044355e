import { type CaptureSlice, drawCapture } from './capturePicture.js';
import { companionFile } from './companion.js';
import { referencedSop } from './content.js';
import type { BuiltReport, ReportInput } from './types.js';
import { localDateTime, offsetOf } from './values.js';

/**
 * A Secondary Capture of the slice that was read, with the answer on it (PS3.3 A.8.1): RGB, burned-in words of the
 * finding and none of the person. Modality OT, so that no rule for MR or CT takes it for a source image.
 * @throws CalcidiscError REPORT_INVALID as buildReport
 */
export async function buildCapture(input: ReportInput, slice: CaptureSlice | null): Promise<BuiltReport> {
  const { width, height, pixels } = await drawCapture(input, slice);
  const now = localDateTime(input.createdAt, offsetOf(input));
  return companionFile('capture', input, {
    ImageType: 'DERIVED\\SECONDARY',
    // PS3.3 C.8.6.1: made by a workstation, not scanned.
    ConversionType: 'WSD',
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
  });
}
