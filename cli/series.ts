import { type Header, readHeader } from '../agent/dicom/header.js';
import { CalcidiscError } from '../agent/domain/errors.js';
import { filesUnder } from './files.js';
import { shown } from './progress.js';

export interface SeriesOnDisk {
  readonly files: readonly string[];
  readonly modality: string | null;
  readonly seriesInstanceUid: string | null;
}

/**
 * The one series in a file or folder; files that are no DICOM (truth.json, a DICOMDIR's neighbours) are passed by.
 * @throws CalcidiscError NOT_ONE_SERIES saying what was found instead
 */
export async function oneSeriesUnder(path: string, isForMachine = false): Promise<SeriesOnDisk> {
  const found = new Map<string, { files: string[]; header: Header }>();
  const files = await filesUnder([path], isForMachine);
  for await (const file of shown(files, 'files read', isForMachine)) {
    const header = await readHeader(file).catch((error) => {
      if (error instanceof CalcidiscError && error.code === 'NOT_DICOM') return null;
      throw error;
    });
    if (!header?.rows) continue;
    const key = header.seriesInstanceUid ?? '(no SeriesInstanceUID)';
    const series = found.get(key);
    if (series) series.files.push(file);
    else found.set(key, { files: [file], header });
  }
  const [first, ...others] = found.values();
  if (!first) throw new CalcidiscError('NOT_ONE_SERIES', `no DICOM image in ${path}`);
  if (others.length > 0) throw new CalcidiscError('NOT_ONE_SERIES', severalSeries(path, found));
  return {
    files: first.files.sort(),
    modality: first.header.modality,
    seriesInstanceUid: first.header.seriesInstanceUid,
  };
}

function severalSeries(
  path: string,
  found: ReadonlyMap<string, { files: string[]; header: Header }>,
): string {
  const lines = [...found].map(
    ([uid, { files, header }]) =>
      `  ${header.modality ?? '?'} ${header.seriesDescription ?? ''} (${files.length} images) ${uid}`,
  );
  return `${found.size} series in ${path}; give the folder of one:\n${lines.join('\n')}`;
}
