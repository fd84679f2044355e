import { join } from 'node:path';
import { readHeader } from '../../../agent/dicom/header.js';
import { dicomFilesIn } from '../../../cli/demo/pacs.js';
import type { Site } from './site.js';

/** Everything in the DICOM files and in the database that names a person, a study, an image or a day. */
export async function identifiersOf({ patients, database: { knex }, config }: Site): Promise<Set<string>> {
  const found = new Set<string>();
  const add = (...values: readonly (string | number | null | undefined)[]) => {
    for (const value of values)
      if (value !== null && value !== undefined && String(value).length >= 4) found.add(String(value));
  };
  for (const { dicom } of patients)
    for (const file of [...dicomFilesIn(join(dicom, 'mr')), ...dicomFilesIn(join(dicom, 'ct'))]) {
      const header = await readHeader(file);
      add(header.patientId, header.patientName, ...(header.patientName ?? '').split('^'));
      add(
        header.studyInstanceUid,
        header.seriesInstanceUid,
        header.sopInstanceUid,
        header.frameOfReferenceUid,
      );
      add(header.accessionNumber, header.studyDescription, header.seriesDescription, header.manufacturer);
      for (const date of [
        header.patientBirthDate,
        header.studyDate,
        header.seriesDate,
        header.acquisitionDate,
      ])
        add(date, date?.replaceAll('-', ''), date?.slice(0, 7));
    }
  for (const table of ['case', 'discRegion', 'inference', 'association', 'model'])
    add(...(await knex(table).select('id')).map(({ id }) => id));
  for (const { spoolPath, callingAe } of await knex('instance').select('spoolPath', 'callingAe'))
    add(spoolPath, `"${callingAe}"`);
  add(config.dataDir, 'PHANTOM', 'LUMBAR SPINE');
  return found;
}
