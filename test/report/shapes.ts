import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { buildReport } from '../../agent/report/build.js';
import type { ReportInput } from '../../agent/report/types.js';
import { CALCIFIED, CT, disc, MR, reportInput, unstated } from './sample.js';

const unpaired = {
  ct: null,
  ctLocalisation: null,
  pairing: { outcome: 'no-ct', intervalDays: null, windowDays: 28, candidates: [] },
} as const;
const enhanced = {
  sopClassUid: SOP_CLASSES.enhancedMrImage.uid,
  sopInstanceUid: MR.instances[0]!.sopInstanceUid,
};

/** Every shape a report can take. */
export const SHAPES: Readonly<Record<string, Partial<ReportInput>>> = {
  'of five certain levels, with a CT': {},
  'of one study with the CT': {
    ct: { ...CT, studyInstanceUid: MR.studyInstanceUid, studyDate: MR.studyDate },
  },
  'on MR alone, flagged': { ...unpaired, discs: [disc('L4-L5', { ...CALCIFIED, ct: null })] },
  'at a share of calcified discs of the site': {
    parameters: { ...reportInput().parameters, prevalence: 0.015 },
  },
  'without a score': { ...unpaired, classifier: null, discs: [disc('L4-L5', { answer: null, ct: null })] },
  'of what cannot be stated': {
    discs: [
      disc('L4-L5', unstated('indeterminate', 'too near the threshold')),
      disc('L5-S1', unstated('not-assessable', 'unlike anything learnt')),
    ],
  },
  'that the CT contradicts': {
    discs: LEVELS.map((level) =>
      disc(level, level === 'L4-L5' ? { ...CALCIFIED, ct: disc(level).ct } : { ct: CALCIFIED.ct! }),
    ),
  },
  uncertain: { localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } },
  'uncertain and not to be assessed': {
    localisation: { status: 'uncertain', reasons: ['sacrum not seen'] },
    discs: [disc('L4-L5', unstated('not-assessable', 'unlike anything learnt'))],
  },
  'not found': {
    ...unpaired,
    localisation: { status: 'not-found', reasons: [] },
    discs: [],
    classifier: null,
  },
  'of an enhanced multi-frame MR': {
    mr: { ...MR, instances: [enhanced] },
    discs: LEVELS.map((level, index) =>
      disc(level, { ...(index === 3 ? CALCIFIED : {}), image: { ...enhanced, frameNumber: 8 } }),
    ),
  },
  'of an order with its numbers and their issuers': {
    study: {
      ...reportInput().study,
      request: {
        id: 'RP7',
        description: 'MR lumbar spine',
        code: { value: '241648001', scheme: 'SCT', meaning: 'MRI of lumbar spine' },
        issuerOfAccession: { local: 'RIS', universal: '1.2.3', universalType: 'ISO' },
        placerOrderNumber: 'PL-1',
        placerIssuer: { local: 'HIS', universal: '', universalType: '' },
        fillerOrderNumber: 'FI-1',
        fillerIssuer: { local: '', universal: 'ris.example.org', universalType: 'DNS' },
      },
    },
  },
  amended: {
    revision: 2,
    predecessor: { ...buildReport(reportInput()), studyInstanceUid: MR.studyInstanceUid },
  },
  'of a patient named with accents': {
    patient: { ...reportInput().patient, name: 'Müller-Đặng^Zoë Ångström^^Dr.', id: 'ÄÖ-8' },
  },
  'of a patient named in Chinese': {
    patient: { ...reportInput().patient, name: 'Zhang^XiaoDong=张^小东=' },
  },
  'of a patient named in Japanese': {
    patient: { ...reportInput().patient, name: 'Yamada^Tarou=山田^太郎=やまだ^たろう', id: 'ÄÖ-7' },
  },
  'of a patient without a name or dates': {
    patient: { name: '', id: '', issuerOfPatientId: '', birthDate: null, sex: '' },
    study: {
      ...reportInput().study,
      studyId: '',
      accessionNumber: '',
      date: null,
      time: '',
      description: '',
      referringPhysicianName: '',
    },
    mr: { ...MR, studyDate: null, frameOfReferenceUid: null },
  },
};
