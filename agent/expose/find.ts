import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../db/server/database.js';
import type { RefusalRow } from '../../db/tables/refusals.js';
import {
  type FoundFetch,
  type FoundRefusal,
  type FoundSeries,
  type FoundUnread,
  findOpenFetches,
  findRefusalsOf,
  findRefusedObject,
  findSeriesBy,
  findUnread,
  listUnreadStrays,
} from '../../db/views/find.js';
import { type Header, readHeader } from '../dicom/header.js';
import { sopClassName } from '../dicom/storageClasses.js';
import { STATE_WORDS } from './words.js';

export interface FindParts {
  readonly dataDir: string;
  readonly knex: Database['knex'];
}

/** One thing that has arrived, or was asked for: where it is, and why it is there. */
export interface FoundItem {
  readonly kind: 'series' | 'unread' | 'aside' | 'waiting' | 'refused' | 'fetch';
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

/** Everything that ever arrived: in the index, kept unread, refused, set aside, waiting, or asked of a PACS. */
export async function findEverywhere({ dataDir, knex }: FindParts, text: string): Promise<Found> {
  const most = MOST_ITEMS + 1;
  const aside = await filesFor(join(dataDir, 'spool/aside'), text);
  const waiting = await filesFor(join(dataDir, 'spool/new'), text);
  const strays = await straysFor({ dataDir, knex }, text);
  const kinds = [
    (await findSeriesBy(knex, text, most)).map(seriesItem),
    (await findUnread(knex, text, [...strays.headers.keys()], most)).map((row) =>
      unreadItem(row, strays.headers.get(row.studyInstanceUid)),
    ),
    aside.files.map((file) => fileItem(file, 'aside')),
    waiting.files.map((file) => fileItem(file, 'waiting')),
    (await findRefusedObject(knex, text, most)).map(refusedObjectItem),
    (await findRefusalsOf(knex, text, most)).map(refusalItem),
    (await findOpenFetches(knex, text, most)).map(fetchItem),
  ];
  return {
    items: kinds.flatMap((items) => items.slice(0, MOST_ITEMS)),
    isCut:
      kinds.some((items) => items.length > MOST_ITEMS) || [aside, waiting, strays].some((each) => each.isCut),
  };
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

/** Studies of which nothing but unread objects came: whose they are stands in the files alone. */
async function straysFor({ dataDir, knex }: FindParts, text: string) {
  const strays = await listUnreadStrays(knex, MOST_FILES + 1);
  const headers = new Map<string, Header>();
  for (const { studyInstanceUid, spoolPath } of strays.slice(0, MOST_FILES)) {
    const header = await readHeader(join(dataDir, spoolPath)).catch(() => null);
    if (header && isAbout(header, text)) headers.set(studyInstanceUid, header);
  }
  return { headers, isCut: strays.length > MOST_FILES };
}

function unreadItem(row: FoundUnread, header: Header | undefined): FoundItem {
  const { objects, dropped, callingAe, lastReceivedAt } = row;
  const gone = dropped > 0 ? `${dropped} of ${objects} had to make room for newer ones; ` : '';
  return {
    kind: 'unread',
    patientId: row.patientId ?? header?.patientId ?? null,
    patientName: row.patientName ?? header?.patientName ?? null,
    accessionNumber: row.accessionNumber ?? header?.accessionNumber ?? null,
    what: `${objects} ${sopClassName(row.sopClassUid)} of ${callingAe}, the last at ${minute(lastReceivedAt)} UTC`,
    where: dropped === objects ? 'kept unread for a while, and gone' : 'kept unread',
    why: `${gone}no class that shows discs (dicom.otherSopClasses, dicom.unreadStoreMiB)`,
    caseId: null,
    uid: row.studyInstanceUid,
  };
}

const REFUSED = 'refused, not kept: the sender was told';

function refusedObjectItem({ at, actor, subjectId, detail }: FoundRefusal): FoundItem {
  return {
    ...NOBODY,
    kind: 'refused',
    what: `one image of ${actor.replace(/^ae:/, '')}, ${minute(at)} UTC`,
    where: REFUSED,
    why: [detail.reason, detail.status && `status ${detail.status}`].filter(Boolean).join(', ') || null,
    uid: subjectId,
  };
}

function refusalItem(row: RefusalRow): FoundItem {
  const { what, callingAe, remoteAddress, sopClassUid, status, reason, count, lastAt } = row;
  const kind = sopClassUid ? `${what} of ${sopClassName(sopClassUid)}` : what;
  return {
    ...NOBODY,
    kind: 'refused',
    what: `${kind}: ${count} times from ${callingAe || 'nobody'} (${remoteAddress}), the last at ${minute(lastAt)} UTC`,
    where: REFUSED,
    why: [reason, status && `status ${status}`].filter(Boolean).join(', ') || null,
    uid: sopClassUid || null,
  };
}

function minute(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ');
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
