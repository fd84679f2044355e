import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { derivedUid } from '../../agent/dicom/uid.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { ReportDisc, ReportInput, ReportSeries } from '../../agent/report/types.js';

const uid = (...parts: (string | number)[]) => derivedUid('test', ...parts);

function series(modality: 'mr' | 'ct', study: string, count: number): ReportSeries {
  const sopClassUid = modality === 'mr' ? SOP_CLASSES.mrImage.uid : SOP_CLASSES.ctImage.uid;
  return {
    studyInstanceUid: uid(study),
    seriesInstanceUid: uid(study, modality),
    studyDate: modality === 'mr' ? '2026-03-02' : '2026-03-12',
    frameOfReferenceUid: uid(study, modality, 'frame'),
    instances: Array.from({ length: count }, (_, index) => ({
      sopClassUid,
      sopInstanceUid: uid(study, modality, index),
    })),
  };
}

export const MR = series('mr', 'mr-study', 5);
export const CT = series('ct', 'ct-study', 8);

export function disc(level: Level, changes: Partial<ReportDisc> = {}): ReportDisc {
  const row = 40 + 60 * LEVELS.indexOf(level);
  return {
    level,
    image: MR.instances[2]!,
    imageSize: [320, 384],
    roiPixel: [100.25, row, 160.75, row + 45.5],
    answer: { probability: 0.125, threshold: 0.5, answer: 'not-calcified', reasons: [] },
    ct: { label: 'not-calcified', meanHu: 61.5, maxHu: 98, areaMm2: 0 },
    ...changes,
  };
}

export const CALCIFIED: Partial<ReportDisc> = {
  answer: { probability: Math.fround(0.8731), threshold: 0.5, answer: 'calcified', reasons: [] },
  ct: { label: 'calcified', meanHu: 214.3, maxHu: 371.25, areaMm2: 38.2 },
};

/** A disc that was found and of which nothing can be stated. */
export function unstated(answer: 'indeterminate' | 'not-assessable', why: string): Partial<ReportDisc> {
  return { answer: { probability: 0.6, threshold: 0.7, answer, reasons: [why] } };
}

/** A case with five discs, L4-L5 calcified on both, paired with a CT of another study ten days later. */
export function reportInput(changes: Partial<ReportInput> = {}): ReportInput {
  return {
    caseId: '5f0d5b0e-6f0f-4b55-9f77-0a3a4f8f2a11',
    revision: 1,
    revisionReason: 'first reading',
    predecessor: null,
    patient: {
      name: 'Doe^Jane',
      id: 'P-0042',
      issuerOfPatientId: 'HOSPITAL',
      birthDate: '1961-07-05',
      sex: 'F',
    },
    study: {
      studyInstanceUid: MR.studyInstanceUid,
      studyId: 'S1',
      accessionNumber: 'ACC-77',
      date: '2026-03-02',
      time: '101530.25',
      description: 'MR lumbar spine',
      referringPhysicianName: 'Ref^Doc',
    },
    mr: MR,
    ct: CT,
    choice: null,
    pairing: { outcome: 'paired', intervalDays: 10, windowDays: 28, candidates: [] },
    localisation: { status: 'located', reasons: [] },
    ctLocalisation: { status: 'located', reasons: [] },
    discs: LEVELS.map((level) => disc(level, level === 'L4-L5' ? CALCIFIED : {})),
    classifier: {
      name: 'resnet34',
      version: '1.2.0',
      sha256: 'ab'.repeat(32),
      simulated: true,
      attribution: 'SPIDER, van der Graaf et al., Sci Data 11:264 (2024), CC BY 4.0',
    },
    localiser: { name: 'localiser', version: '0.3.0', sha256: 'cd'.repeat(32) },
    parameters: { marginMm: 10, greyPercentiles: [1, 99.5], huLow: 120.1, huHigh: 383.7, prevalence: null },
    device: { uid: uid('device'), serialNumber: 'test-1', softwareVersion: '0.1.0', aeTitle: 'CALCIDISC' },
    createdAt: new Date('2026-03-12T09:08:07.065Z'),
    utcOffsetMinutes: 60,
    sopClass: 'Comprehensive3DSR',
    seriesDescription: 'Calcidisc AI: disc calcification (research)',
    ...changes,
  };
}
