/** SOP classes this system speaks (PS3.6 annex A). `use` is what for; images are PS3.4 annex B storage. */
export const SOP_CLASSES = {
  verification: { uid: '1.2.840.10008.1.1', name: 'Verification', use: 'verification' },
  storageCommitmentPushModel: {
    uid: '1.2.840.10008.1.20.1',
    name: 'Storage Commitment Push Model',
    use: 'commitment',
  },
  mrImage: { uid: '1.2.840.10008.5.1.4.1.1.4', name: 'MR Image Storage', use: 'image' },
  enhancedMrImage: {
    uid: '1.2.840.10008.5.1.4.1.1.4.1',
    name: 'Enhanced MR Image Storage',
    use: 'image',
  },
  legacyConvertedEnhancedMrImage: {
    uid: '1.2.840.10008.5.1.4.1.1.4.4',
    name: 'Legacy Converted Enhanced MR Image Storage',
    use: 'image',
  },
  ctImage: { uid: '1.2.840.10008.5.1.4.1.1.2', name: 'CT Image Storage', use: 'image' },
  enhancedCtImage: {
    uid: '1.2.840.10008.5.1.4.1.1.2.1',
    name: 'Enhanced CT Image Storage',
    use: 'image',
  },
  legacyConvertedEnhancedCtImage: {
    uid: '1.2.840.10008.5.1.4.1.1.2.2',
    name: 'Legacy Converted Enhanced CT Image Storage',
    use: 'image',
  },
  enhancedSr: { uid: '1.2.840.10008.5.1.4.1.1.88.22', name: 'Enhanced SR Storage', use: 'report' },
  comprehensiveSr: {
    uid: '1.2.840.10008.5.1.4.1.1.88.33',
    name: 'Comprehensive SR Storage',
    use: 'report',
  },
  comprehensive3dSr: {
    uid: '1.2.840.10008.5.1.4.1.1.88.34',
    name: 'Comprehensive 3D SR Storage',
    use: 'report',
  },
  secondaryCapture: {
    uid: '1.2.840.10008.5.1.4.1.1.7',
    name: 'Secondary Capture Image Storage',
    use: 'picture',
  },
  grayscaleSoftcopyPresentationState: {
    uid: '1.2.840.10008.5.1.4.1.1.11.1',
    name: 'Grayscale Softcopy Presentation State Storage',
    use: 'picture',
  },
  encapsulatedPdf: {
    uid: '1.2.840.10008.5.1.4.1.1.104.1',
    name: 'Encapsulated PDF Storage',
    use: 'picture',
  },
  keyObjectSelection: {
    uid: '1.2.840.10008.5.1.4.1.1.88.59',
    name: 'Key Object Selection Document Storage',
    use: 'report',
  },
  patientRootFind: {
    uid: '1.2.840.10008.5.1.4.1.2.1.1',
    name: 'Patient Root Query/Retrieve - FIND',
    use: 'query',
  },
  studyRootFind: {
    uid: '1.2.840.10008.5.1.4.1.2.2.1',
    name: 'Study Root Query/Retrieve - FIND',
    use: 'query',
  },
  studyRootMove: {
    uid: '1.2.840.10008.5.1.4.1.2.2.2',
    name: 'Study Root Query/Retrieve - MOVE',
    use: 'query',
  },
} as const satisfies Record<string, { uid: string; name: string; use: SopClassUse }>;

/** 'picture': another form of a report (agent/report/forms.ts). */
export type SopClassUse = 'verification' | 'commitment' | 'image' | 'report' | 'picture' | 'query';

export type SopClassKeyword = keyof typeof SOP_CLASSES;

const byUid = new Map<string, { keyword: SopClassKeyword; name: string; use: SopClassUse }>(
  Object.entries(SOP_CLASSES).map(([keyword, row]) => [
    row.uid,
    { keyword: keyword as SopClassKeyword, name: row.name, use: row.use },
  ]),
);

export function sopClassOf(uid: string): { keyword: SopClassKeyword; name: string; use: SopClassUse } | null {
  return byUid.get(uid) ?? null;
}

/** Nearly all storage SOP classes, known to us or not, lie under one root (PS3.4 B.5, PS3.6 annex A). */
export function isStorageRoot(uid: string): boolean {
  return uid.startsWith('1.2.840.10008.5.1.4.1.1.');
}

/** The well-known instance every storage commitment request is addressed to (PS3.4 J.3.5). */
export const STORAGE_COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';
