import type { DcmjsDataset } from 'dcmjs';
import { derivedUid, type Uid } from '../../agent/dicom/uid.js';
import { decimalString } from './dicom.js';
import type { PhantomSettings } from './options.js';

/** Changes when the same settings would give other pixels: then the UIDs are others too. */
const PHANTOM_VERSION = 2;

export const MR_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.4';
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';

export interface SeriesIdentity {
  readonly studyInstanceUid: Uid;
  readonly seriesInstanceUid: Uid;
  readonly frameOfReferenceUid: Uid;
  sopInstanceUid(index: number): Uid;
}

export function identify(settings: PhantomSettings, modality: 'MR' | 'CT'): SeriesIdentity {
  const parts = ['phantom', PHANTOM_VERSION, JSON.stringify(settings), modality] as const;
  return {
    studyInstanceUid: derivedUid(...parts, 'study'),
    seriesInstanceUid: derivedUid(...parts, 'series'),
    frameOfReferenceUid: derivedUid(...parts, 'frame'),
    sopInstanceUid: (index) => derivedUid(...parts, 'instance', index),
  };
}

export function patientIdOf(settings: PhantomSettings): string {
  return settings.patientId ?? `PHANTOM${settings.seed}`;
}

/** Patient, study, series, frame of reference and equipment modules (PS3.3 C.7). */
function commonAttributes(
  settings: PhantomSettings,
  modality: 'MR' | 'CT',
  series: SeriesIdentity,
): DcmjsDataset {
  const date = modality === 'MR' ? settings.mrDate : settings.ctDate;
  const patientId = patientIdOf(settings);
  return {
    Modality: modality,
    PatientName: 'PHANTOM^LUMBAR',
    PatientID: patientId,
    PatientBirthDate: `${Number(date.slice(0, 4)) - 54}0615`,
    PatientSex: 'O',
    PatientAge: '053Y',
    PatientSize: '1.7',
    PatientWeight: '72',
    PatientPosition: 'HFS',
    StudyInstanceUID: series.studyInstanceUid,
    SeriesInstanceUID: series.seriesInstanceUid,
    FrameOfReferenceUID: series.frameOfReferenceUid,
    PositionReferenceIndicator: '',
    StudyID: modality === 'MR' ? '1' : '2',
    AccessionNumber: `${modality}${settings.seed}`.slice(0, 16),
    ReferringPhysicianName: '',
    StudyDate: date,
    SeriesDate: date,
    AcquisitionDate: date,
    ContentDate: date,
    StudyTime: '090000',
    SeriesTime: '091000',
    AcquisitionTime: '091000',
    ContentTime: '091000',
    SeriesNumber: '1',
    AcquisitionNumber: '1',
    StudyDescription: `${modality} LUMBAR SPINE (PHANTOM)`,
    BodyPartExamined: 'LSPINE',
    Manufacturer: 'Calcidisc',
    ManufacturerModelName: 'Phantom',
    BurnedInAnnotation: 'NO',
  };
}

/** MR image module (PS3.3 C.8.3.1): a 2-D fast spin echo, T2-weighted. */
export function mrAttributes(settings: PhantomSettings, series: SeriesIdentity): DcmjsDataset {
  return {
    ...commonAttributes(settings, 'MR', series),
    ImageType: ['ORIGINAL', 'PRIMARY', 'M'],
    SeriesDescription: 'T2 TSE SAG',
    ProtocolName: 'T2 TSE SAG',
    ScanningSequence: 'SE',
    SequenceVariant: 'SK',
    ScanOptions: '',
    MRAcquisitionType: '2D',
    RepetitionTime: '3500',
    EchoTime: '102',
    EchoTrainLength: '17',
    NumberOfAverages: '2',
    FlipAngle: '150',
    MagneticFieldStrength: '1.5',
    ImagingFrequency: '63.87',
    ImagedNucleus: '1H',
    SpacingBetweenSlices: decimalString(settings.mr.gapMm),
    WindowCenter: '750',
    WindowWidth: '1600',
  };
}

/** Contrast/bolus module (PS3.3 C.7.6.4). */
const CONTRAST = {
  intravenous: { ContrastBolusAgent: 'IOHEXOL 300', ContrastBolusRoute: 'IV' },
  intrathecal: { ContrastBolusAgent: 'IOPAMIDOL 200 M', ContrastBolusRoute: 'INTRATHECAL' },
} as const;

/** CT image module (PS3.3 C.8.2.1). */
export function ctAttributes(settings: PhantomSettings, series: SeriesIdentity): DcmjsDataset {
  const { ct } = settings;
  return {
    ...commonAttributes(settings, 'CT', series),
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    SeriesDescription: 'LUMBAR AXIAL SOFT',
    ProtocolName: 'LUMBAR SPINE',
    KVP: '120',
    ...(ct.kernel === '' ? {} : { ConvolutionKernel: ct.kernel ?? 'B30' }),
    ...(ct.contrast && CONTRAST[ct.contrast]),
    ReconstructionDiameter: decimalString(ct.fieldOfViewMm),
    GantryDetectorTilt: decimalString(ct.gantryTiltDeg),
    SpacingBetweenSlices: decimalString(ct.sliceMm),
    WindowCenter: '50',
    WindowWidth: '400',
  };
}

/** HU = stored * slope + intercept (PS3.3 C.11.1.1.2). */
export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
}

/** Of one slice: the series' own, or one that differs from its neighbours'. */
export function rescaleOf({ ct }: PhantomSettings, index: number): Rescale {
  const { slope, intercept } = ct;
  return ct.rescaleVaries
    ? { slope: slope * (0.5 + (index % 3) * 0.25), intercept: intercept - 8 * (index % 5) }
    : { slope, intercept };
}

export function rescaleAttributes({ ct }: PhantomSettings, { slope, intercept }: Rescale): DcmjsDataset {
  if (ct.omitRescale) return {};
  return {
    RescaleIntercept: decimalString(intercept),
    RescaleSlope: decimalString(slope),
    RescaleType: ct.rescaleType,
  };
}
