import { type Code, dcm, sct } from '../domain/code.js';

/** Concept names of the tree (PS3.16 TID 1500, 1004, 1204, 1410, 1419, 1600, 1602, 4019). */
export const CONCEPT = {
  title: dcm('126000', 'Imaging Measurement Report'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  observerType: dcm('121005', 'Observer Type'),
  deviceUid: dcm('121012', 'Device Observer UID'),
  deviceName: dcm('121013', 'Device Observer Name'),
  deviceManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceModel: dcm('121015', 'Device Observer Model Name'),
  deviceSerial: dcm('121016', 'Device Observer Serial Number'),
  procedureReported: dcm('121058', 'Procedure reported'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  modality: dcm('121139', 'Modality'),
  targetRegion: dcm('123014', 'Target Region'),
  studyDate: dcm('111060', 'Study Date'),
  frameOfReference: dcm('112227', 'Frame of Reference UID'),
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  findingCategory: sct('276214006', 'Finding category'),
  finding: dcm('121071', 'Finding'),
  findingSite: sct('363698007', 'Finding Site'),
  imageRegion: dcm('111030', 'Image Region'),
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  algorithmManufacturer: dcm('122405', 'Algorithm Manufacturer'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  algorithmFamily: dcm('111000', 'Algorithm Family'),
  certainty: dcm('111012', 'Certainty of Finding'),
  // One code, told apart by the derivation below it; viewers show the meaning alone, so it says which.
  meanAttenuation: dcm('112031', 'CT attenuation, mean'),
  maximumAttenuation: dcm('112031', 'CT attenuation, maximum'),
  derivation: dcm('121401', 'Derivation'),
  measurementMethod: sct('370129005', 'Measurement Method'),
  qualitativeEvaluations: {
    value: 'C0034375',
    scheme: 'UMLS',
    meaning: 'Qualitative Evaluations',
  },
  recommendedFollowUp: dcm('111053', 'Recommended Follow-up'),
  recommendation: dcm('121075', 'Recommendation'),
  conclusion: dcm('121077', 'Conclusion'),
  summary: dcm('121111', 'Summary'),
  comment: dcm('121106', 'Comment'),
} as const satisfies Record<string, Code>;

/** Coded values the tree is filled with. */
export const VALUE = {
  english: { value: 'en', scheme: 'RFC5646', meaning: 'English' },
  device: dcm('121007', 'Device'),
  /** Of CID 100; the lumbar code 24968-0 LN is not in it and validators say so. */
  mriProcedure: { value: '25056-3', scheme: 'LN', meaning: 'MRI unspecified body region' },
  mr: dcm('MR', 'Magnetic Resonance'),
  ct: dcm('CT', 'Computed Tomography'),
  lumbarSpine: sct('122496007', 'Lumbar spine'),
  anatomicalStructure: sct('123037004', 'Anatomical structure'),
  /** A disc whose level nobody has confirmed. */
  disc: sct('360499006', 'Intervertebral disc'),
  artificialIntelligence: dcm('123110', 'Artificial Intelligence'),
  present: sct('52101004', 'Present'),
  absent: sct('272519000', 'Absent'),
  indeterminate: sct('82334004', 'Indeterminate'),
  /** A disc that was found and could not be read: said apart from one that was read without a result. */
  notAssessable: sct('1156316003', 'Cannot be determined'),
  mean: sct('373098007', 'Mean'),
  maximum: sct('56851009', 'Maximum'),
  computedTomography: sct('77477000', 'Computed tomography'),
} as const satisfies Record<string, Code>;

/** Units of measurement, UCUM (PS3.16 CID 82). */
export const UNIT = {
  percent: { value: '%', scheme: 'UCUM', meaning: 'Percent' },
  hounsfield: { value: "[hnsf'U]", scheme: 'UCUM', meaning: 'Hounsfield unit' },
} as const satisfies Record<string, Code>;

export type ResultCode = (typeof VALUE)['present' | 'absent' | 'indeterminate' | 'notAssessable'];
