import { identityRow } from '../../agent/assemble/indexRows.js';
import { judgeSeries, type SeriesKnown } from '../../agent/assemble/role.js';
import { type Header, headerOf } from '../../agent/dicom/header.js';
import { imageFactsOf } from '../../agent/dicom/imageFacts.js';
import { readPart10Header } from '../../agent/dicom/parse.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { PatientIdentity } from '../../agent/domain/identity.js';
import type { ImageFacts } from '../../agent/domain/imageFacts.js';
import type { DecideRole } from '../../agent/route/rules.js';
import { filesUnder } from '../files.js';
import { shown } from '../progress.js';

/** A series of a folder, judged as the service judges one that is complete. */
export interface FolderSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly files: readonly string[];
  /** Of one of its images, for what all share. */
  readonly header: Header;
  /** Each way its images name their patient. */
  readonly identities: readonly PatientIdentity[];
  readonly known: SeriesKnown;
}

export interface Folder {
  /** By study, series number and UID. */
  readonly series: readonly FolderSeries[];
  /** Files that are no DICOM, or no image: without a study, a series or an instance. */
  readonly passedBy: number;
}

interface ReadFile {
  readonly file: string;
  readonly header: Header;
  readonly facts: ImageFacts;
}

/**
 * Every series under these files and folders.
 * @param callingAe who is taken to have sent them, for rules that ask
 * @param isForMachine see progress.ts
 * @throws CalcidiscError NOT_DICOM when there is none
 */
export async function readFolder(
  paths: readonly string[],
  decideRole: DecideRole,
  callingAe: string,
  isForMachine = false,
): Promise<Folder> {
  const found = new Map<string, ReadFile[]>();
  let passedBy = 0;
  const files = await filesUnder(paths, isForMachine);
  for await (const file of shown(files, 'files read', isForMachine)) {
    const read = await readOne(file);
    const { seriesInstanceUid, studyInstanceUid } = read?.header ?? {};
    const known = seriesInstanceUid && found.get(seriesInstanceUid);
    if (!read || !seriesInstanceUid || !studyInstanceUid) passedBy++;
    else if (known) known.push(read);
    else found.set(seriesInstanceUid, [read]);
  }
  if (found.size === 0) throw new CalcidiscError('NOT_DICOM', `no DICOM object under ${paths.join(', ')}`);
  const series = [...found.values()].map((files) => seriesOf(files, decideRole, callingAe));
  return { series: series.sort(compareSeries), passedBy };
}

async function readOne(file: string): Promise<ReadFile | null> {
  try {
    const part10 = await readPart10Header(file);
    const header = headerOf(part10);
    return { file, header, facts: imageFactsOf(part10, header) };
  } catch (error) {
    if (error instanceof CalcidiscError && error.code === 'NOT_DICOM') return null;
    throw error;
  }
}

function seriesOf(read: readonly ReadFile[], decideRole: DecideRole, callingAe: string): FolderSeries {
  const { header } = read[0]!;
  const images = read.map((each) => ({
    facts: each.facts,
    callingAe,
    sopClassUid: each.header.sopClassUid ?? '',
  }));
  const identities = new Map(
    read.map((each) => [JSON.stringify(identityRow(each)), identityRow(each)] as const),
  );
  return {
    seriesInstanceUid: header.seriesInstanceUid!,
    studyInstanceUid: header.studyInstanceUid!,
    files: read.map(({ file }) => file),
    header,
    identities: [...identities.values()],
    known: judgeSeries(images, decideRole)!,
  };
}

function compareSeries(a: FolderSeries, b: FolderSeries): number {
  const [left, right] = [a, b].map(({ studyInstanceUid, header, seriesInstanceUid }) => [
    studyInstanceUid,
    String(header.seriesNumber ?? 1e9).padStart(12, '0'),
    seriesInstanceUid,
  ]);
  return left!.join() < right!.join() ? -1 : 1;
}
