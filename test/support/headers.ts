import { headerOf } from '../../agent/dicom/header.js';
import { imageFactsOf } from '../../agent/dicom/imageFacts.js';
import { parsePart10 } from '../../agent/dicom/parse.js';
import type { SentImage } from '../../agent/route/seriesFacts.js';
import { type Elements, writePart10 } from '../dicom/writePart10.js';

/** What the index would keep of an image with these elements. */
export function sentImage(elements: Elements, callingAe = 'MR1'): SentImage {
  const part10 = parsePart10(writePart10(elements));
  return { facts: imageFactsOf(part10, headerOf(part10, '2026-11-29')), callingAe };
}

export const SAGITTAL = '0\\1\\0\\0\\0\\-1';
export const AXIAL = '1\\0\\0\\0\\1\\0';
export const CORONAL = '1\\0\\0\\0\\0\\-1';

/** A lumbar MR slice as far as its header goes. */
export const MR_SLICE: Elements = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
  Modality: 'MR',
  SeriesDescription: 't2_tse_sag',
  BodyPartExamined: 'LSPINE',
  ImageType: 'ORIGINAL\\PRIMARY\\M\\NORM',
  ImageOrientationPatient: SAGITTAL,
  Rows: [448],
  Columns: [448],
  PixelSpacing: '0.67\\0.67',
  SliceThickness: '4',
  ScanningSequence: 'SE',
  EchoTime: '102',
  RepetitionTime: '3500',
  StudyDate: '20261102',
};

export const CT_SLICE: Elements = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
  Modality: 'CT',
  SeriesDescription: 'LWS 1.0 Br40',
  BodyPartExamined: 'LSPINE',
  ImageType: 'ORIGINAL\\PRIMARY\\AXIAL',
  ImageOrientationPatient: AXIAL,
  Rows: [512],
  Columns: [512],
  PixelSpacing: '0.4\\0.4',
  SliceThickness: '1',
  StudyDate: '20261102',
};
