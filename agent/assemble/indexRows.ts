import type { NewInstance } from '../../db/tables/instances.js';
import type { PatientIdentity } from '../domain/identity.js';
import type { ReadInstance } from './rows.js';
import { storePath } from './spoolPaths.js';

export function identityRow({ header }: Pick<ReadInstance, 'header'>): PatientIdentity {
  return {
    patientId: header.patientId ?? '',
    issuerOfPatientId: header.issuerOfPatientId ?? '',
    patientName: header.patientName ?? '',
    patientBirthDate: header.patientBirthDate,
    patientSex: header.patientSex ?? '',
  };
}

export function studyRow({ header, studyInstanceUid }: ReadInstance) {
  return {
    studyInstanceUid,
    ...identityRow({ header }),
    studyId: header.studyId ?? '',
    accessionNumber: header.accessionNumber ?? '',
    studyDate: header.studyDate,
    studyTime: header.studyTime ?? '',
    studyDescription: header.studyDescription ?? '',
    referringPhysicianName: header.referringPhysicianName ?? '',
  };
}

export function seriesRow({ header, seriesInstanceUid, studyInstanceUid }: ReadInstance) {
  return {
    seriesInstanceUid,
    studyInstanceUid,
    modality: header.modality ?? '',
    seriesNumber: wholeNumber(header.seriesNumber),
    seriesDescription: header.seriesDescription ?? '',
    protocolName: header.protocolName ?? '',
    bodyPartExamined: header.bodyPartExamined ?? '',
    acquisitionDate: header.acquisitionDate,
    frameOfReferenceUid: header.frameOfReferenceUid,
  };
}

export function instanceRow(instance: ReadInstance, identityId: string, store: number | null): NewInstance {
  const { file, header, facts, datasetSha256, sopInstanceUid, seriesInstanceUid, slicePositionMm } = instance;
  return {
    sopInstanceUid,
    seriesInstanceUid,
    sopClassUid: file.sopClassUid,
    transferSyntaxUid: file.transferSyntaxUid,
    instanceNumber: wholeNumber(header.instanceNumber),
    slicePositionMm,
    spoolPath: storePath(sopInstanceUid),
    store,
    sizeBytes: file.sizeBytes,
    datasetSha256,
    callingAe: file.callingAe,
    associationId: file.associationId,
    receivedAt: file.receivedAt,
    identityId,
    extent: instance.extent,
    facts,
  };
}

/** IS has 32 bits (PS3.5 6.2), and so has the column; anything else is no number worth keeping. */
function wholeNumber(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}
