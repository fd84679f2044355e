import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePart10 } from '../../agent/report/part10.js';
import type { ReportInput, ReportSeries } from '../../agent/report/types.js';
import { formatDa } from '../../agent/report/values.js';

/** Headers of the MR and CT images a report speaks of, as files, so that entities can be compared across them. */
export function writeImages(input: ReportInput, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const series = [input.mr, ...(input.ct ? [input.ct] : [])];
  return series.flatMap((one) => one.instances.map((_, index) => writeImage(input, one, index, folder)));
}

function writeImage(
  { patient, study, mr }: ReportInput,
  series: ReportSeries,
  index: number,
  folder: string,
) {
  const { sopClassUid, sopInstanceUid } = series.instances[index]!;
  const modality = series.seriesInstanceUid === mr.seriesInstanceUid ? 'MR' : 'CT';
  const own = series.studyInstanceUid === study.studyInstanceUid;
  const file = writePart10(
    {
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: sopClassUid,
      SOPInstanceUID: sopInstanceUid,
      PatientName: patient.name,
      PatientID: patient.id,
      ...(patient.issuerOfPatientId ? { IssuerOfPatientID: patient.issuerOfPatientId } : {}),
      PatientBirthDate: formatDa(patient.birthDate),
      PatientSex: patient.sex,
      StudyInstanceUID: series.studyInstanceUid,
      StudyDate: formatDa(series.studyDate),
      StudyTime: own ? study.time : '',
      StudyID: own ? study.studyId : '',
      AccessionNumber: own ? study.accessionNumber : '',
      ReferringPhysicianName: own ? study.referringPhysicianName : '',
      ...(own && study.description ? { StudyDescription: study.description } : {}),
      SeriesInstanceUID: series.seriesInstanceUid,
      SeriesNumber: '1',
      Modality: modality,
      Manufacturer: 'Test',
      FrameOfReferenceUID: series.frameOfReferenceUid ?? '',
      PositionReferenceIndicator: '',
      InstanceNumber: String(index + 1),
    },
    { sopClassUid, sopInstanceUid, sourceAe: 'TEST' },
  );
  const path = join(folder, `${modality}${index}.dcm`);
  writeFileSync(path, file);
  return path;
}
