import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../db/server/database.js';
import {
  type FoundFetch,
  type FoundRefusal,
  type FoundSeries,
  findOpenFetches,
  findRefusals,
  findSeriesBy,
} from '../../db/views/find.js';
import { type Header, readHeader } from '../dicom/header.js';
import { STATE_WORDS } from './words.js';

export interface FindParts {
  readonly dataDir: string;
  readonly knex: Database['knex'];
}

/** One thing that has arrived, or was asked for: where it is, and why it is there. */
export interface FoundItem {
  readonly kind: 'series' | 'aside' | 'waiting' | 'refused' | 'fetch';
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly accessionNumber: string | null;
  readonly what: string;
  readonly where: string;
  readonly why: string | null;
  readonly caseId: string | null;
  readonly uid: string | null;
}

export interface Found {
  readonly items: readonly FoundItem[];
  /** Not everything was looked at, or shown. */
  readonly isCut: boolean;
}

const MOST_ITEMS = 200;
/** Files of each place outside the index that are opened, the newest first. */
const MOST_FILES = 2_000;

/** Everything that ever arrived: in the index, refused, set aside, waiting for the index, or asked of a PACS. */
export async function findEverywhere({ dataDir, knex }: FindParts, text: string): Promise<Found> {
  const series = await findSeriesBy(knex, text, MOST_ITEMS + 1);
  const refusals = await findRefusals(knex, text, MOST_ITEMS);
  const fetches = await findOpenFetches(knex, text, MOST_ITEMS);
  const aside = await filesFor(join(dataDir, 'spool/aside'), text);
  const waiting = await filesFor(join(dataDir, 'spool/new'), text);
  const items = [
    ...series.slice(0, MOST_ITEMS).map(seriesItem),
    ...aside.files.map((file) => fileItem(file, 'aside')),
    ...waiting.files.map((file) => fileItem(file, 'waiting')),
    ...refusals.map(refusalItem),
    ...fetches.map(fetchItem),
  ];
  return { items, isCut: series.length > MOST_ITEMS || aside.isCut || waiting.isCut };
}

function seriesItem(row: FoundSeries): FoundItem {
  const { patientId, patientName, accessionNumber, modality, seriesDescription, acquisitionDate, images } =
    row;
  const what = `${modality} ${seriesDescription || 'without description'}, ${acquisitionDate ?? 'without a date'}, ${images} images`;
  const { where, why } = placeOf(row);
  return {
    kind: 'series',
    patientId,
    patientName,
    accessionNumber,
    what,
    where,
    why,
    caseId: row.caseId,
    uid: row.seriesInstanceUid,
  };
}

/** In words: the first that fits. */
function placeOf(row: FoundSeries): { where: string; why: string | null } {
  if (row.state === 'receiving') return { where: 'arriving', why: arrivingWhy(row) };
  if (row.role === 'ignored') return { where: 'kept, not read', why: row.roleReason };
  if (row.role === 'ct' && !row.caseId)
    return { where: 'kept as a reference', why: 'no MR of the patient is paired with it' };
  if (!row.caseId || !row.caseState) return { where: 'complete, no case yet', why: row.roleReason };
  if (row.role === 'ct')
    return { where: `reference of a case that is ${STATE_WORDS[row.caseState]}`, why: caseWhy(row) };
  const where = row.isRead
    ? STATE_WORDS[row.caseState]
    : `beside the series that is read; its case: ${STATE_WORDS[row.caseState]}`;
  return { where, why: caseWhy(row) };
}

function caseWhy({
  caseState,
  lastErrorCode,
  lastError,
  waitingFor,
  closedBecause,
}: FoundSeries): string | null {
  if (caseState === 'closed') return closedBecause;
  if (lastErrorCode) return `${lastErrorCode}: ${lastError}`;
  return waitingFor ? `waits: ${waitingFor}` : null;
}

function arrivingWhy({ expectedInstances, images, lastReceivedAt }: FoundSeries): string {
  const of = expectedInstances ? ` of ${expectedInstances}` : '';
  const last = lastReceivedAt.toISOString().slice(0, 19).replace('T', ' ');
  return `${images}${of} images are here, the last came at ${last} UTC; it is read when it is complete (docs/routing.md)`;
}

interface FoundFile {
  readonly name: string;
  readonly header: Header;
  readonly reason: string | null;
}

/** Files of a place that is not in the index. One folder's files may be many: the newest are looked at. */
async function filesFor(folder: string, text: string): Promise<{ files: FoundFile[]; isCut: boolean }> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.dcm')).sort();
  const files: FoundFile[] = [];
  for (const name of names.slice(-MOST_FILES)) {
    const header = await readHeader(join(folder, name)).catch(() => null);
    if (!header || !isAbout(header, text)) continue;
    const reason = await readFile(join(folder, `${name}.reason.txt`), 'utf8').catch(() => null);
    files.push({ name, header, reason: reason?.trim() ?? null });
  }
  return { files, isCut: names.length > MOST_FILES };
}

function isAbout(header: Header, text: string): boolean {
  const { patientId, accessionNumber, studyInstanceUid, seriesInstanceUid, sopInstanceUid, patientName } =
    header;
  if ([patientId, accessionNumber, studyInstanceUid, seriesInstanceUid, sopInstanceUid].includes(text))
    return true;
  const name = (patientName ?? '').toLowerCase();
  const words = text
    .toLowerCase()
    .split(/[\s,^]+/)
    .filter(Boolean);
  return name !== '' && words.length > 0 && words.every((word) => name.includes(word));
}

function fileItem({ name, header, reason }: FoundFile, kind: 'aside' | 'waiting'): FoundItem {
  const { patientId, patientName, accessionNumber, modality, seriesDescription, sopInstanceUid } = header;
  const place =
    kind === 'aside'
      ? `set aside: spool/aside/${name}`
      : `acknowledged, waits for the index: spool/new/${name}`;
  return {
    kind,
    patientId,
    patientName,
    accessionNumber,
    what: `${modality ?? 'object'} ${seriesDescription ?? ''}, one image`.replace(' ,', ','),
    where: place,
    why: reason,
    caseId: null,
    uid: sopInstanceUid,
  };
}

function refusalItem({ at, event, actor, subjectId, detail }: FoundRefusal): FoundItem {
  const what = event === 'OBJECT_REFUSED' ? 'one image' : 'an association';
  return {
    ...NOBODY,
    kind: 'refused',
    what: `${what} of ${actor.replace(/^ae:/, '')}, ${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    where: 'refused, not kept: the sender was told',
    why: [detail.reason, detail.status && `status ${detail.status}`].filter(Boolean).join(', ') || null,
    uid: subjectId,
  };
}

function fetchItem({ source, wantedModality, state, reason, lastError }: FoundFetch): FoundItem {
  return {
    ...NOBODY,
    kind: 'fetch',
    what: `${wantedModality} asked of ${source}`,
    where: state === 'failed' ? 'not fetched' : `being fetched (${state})`,
    why: reason || lastError,
    uid: null,
  };
}

const NOBODY = { patientId: null, patientName: null, accessionNumber: null, caseId: null } as const;
