import dcmjs from 'dcmjs';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/implementation.js';
import type { DataSet } from './content.js';
import { invalid } from './values.js';

const { DicomDict, DicomMetaDictionary } = dcmjs.data;

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

interface FileIdentity {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** The one place that writes with dcmjs. @throws CalcidiscError REPORT_INVALID for a keyword dcmjs would drop */
export function writePart10(dataset: DataSet, { sopClassUid, sopInstanceUid }: FileIdentity): Uint8Array {
  refuseUnknownKeywords(dataset);
  // dcmjs fills in no file meta information of its own: every attribute is written here.
  const file = new DicomDict(
    DicomMetaDictionary.denaturalizeDataset({
      FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
      MediaStorageSOPClassUID: sopClassUid,
      MediaStorageSOPInstanceUID: sopInstanceUid,
      TransferSyntaxUID: EXPLICIT_LITTLE_ENDIAN,
      ImplementationClassUID: IMPLEMENTATION_CLASS_UID,
      ImplementationVersionName: IMPLEMENTATION_VERSION_NAME,
    }),
  );
  file.dict = DicomMetaDictionary.denaturalizeDataset({ ...dataset });
  return new Uint8Array(file.write());
}

/** dcmjs drops a keyword it does not know with no more than a warning: half a report would be written. */
function refuseUnknownKeywords(dataset: DataSet): void {
  for (const [keyword, value] of Object.entries(dataset)) {
    if (DicomMetaDictionary.nameMap[keyword] === undefined) throw invalid(`unknown keyword ${keyword}`);
    if (!Array.isArray(value)) continue;
    for (const inner of value) if (typeof inner === 'object') refuseUnknownKeywords(inner);
  }
}
