import type { Readable } from 'node:stream';
import { isUid } from '../dicom/uid.js';
import { type HttpServer, isForNow, textOf, unreachable } from '../dicom/web/client.js';
import type { WebDoor } from '../dicom/web/door.js';
import { forget, get } from '../dicom/web/get.js';
import { dicomBoundary, eachPart } from '../dicom/web/multipart.js';
import type { Taken } from '../dicom/web/storeResponse.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { parseMatch } from './match.js';
import { MOST_MATCHES, type SeriesMatch, type StudyMatch, type StudyQuery } from './matches.js';
import type { MoveResult } from './move.js';
import type { DicomWebSource, Finder } from './source.js';

/** Answers of one page. */
const PAGE = 200;
const MOST_ANSWER_BYTES = 64 << 20;

/** QIDO-RS (PS3.18 10.6): the questions of find.ts over HTTP. */
export function qidoFinder(source: DicomWebSource, timeoutMs: number, signal?: AbortSignal): Finder {
  const server = { ...source, timeoutMs };
  const search = (path: string, keys: Readonly<Record<string, string>>, fields: readonly string[]) =>
    searchAll(server, path, { keys, fields }, signal);
  return {
    async findStudies({ patientId, modality, from, to }: StudyQuery): Promise<StudyMatch[]> {
      const keys = {
        ...(patientId && { PatientID: patientId }),
        StudyDate: `${from.replaceAll('-', '')}-${to.replaceAll('-', '')}`,
        ModalitiesInStudy: modality,
      };
      const rows = await search('/studies', keys, [
        'StudyDescription',
        'IssuerOfPatientID',
        'ModalitiesInStudy',
      ]);
      return rows
        .map((row) => ({
          studyInstanceUid: row.text('0020000D'),
          patientId: row.text('00100020'),
          issuerOfPatientId: row.text('00100021'),
          studyDate: row.date('00080020'),
          studyDescription: row.text('00081030'),
          modalities: row.list('00080061'),
        }))
        .filter(({ studyInstanceUid }) => isUid(studyInstanceUid));
    },
    async findSeriesOf(studyInstanceUid, { modality, seriesInstanceUid }): Promise<SeriesMatch[]> {
      const keys = {
        ...(modality && { Modality: modality }),
        ...(seriesInstanceUid && { SeriesInstanceUID: seriesInstanceUid }),
      };
      const fields = [
        'SeriesDescription',
        'BodyPartExamined',
        'SeriesDate',
        'NumberOfSeriesRelatedInstances',
      ];
      const rows = await search(`/studies/${studyInstanceUid}/series`, keys, fields);
      return rows
        .map((row) => ({
          studyInstanceUid,
          seriesInstanceUid: row.text('0020000E'),
          modality: row.text('00080060'),
          seriesDescription: row.text('0008103E'),
          bodyPartExamined: row.text('00180015'),
          seriesDate: row.date('00080021'),
          instances: row.count('00201209'),
        }))
        .filter(({ seriesInstanceUid: uid }) => isUid(uid));
    },
    async countImages(studyInstanceUid, seriesInstanceUid) {
      const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances`;
      return new Set((await search(path, {}, [])).map((row) => row.text('00080018'))).size;
    },
  };
}

interface Search {
  readonly keys: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
}

/** Page after page, as long as they are full, or the server says that it has left some out. */
async function searchAll(server: HttpServer, path: string, { keys, fields }: Search, signal?: AbortSignal) {
  const rows = new Map<string, ReturnType<typeof parseMatch>>();
  for (let offset = 0; rows.size < MOST_MATCHES; ) {
    const query = new URLSearchParams({ ...keys, limit: String(PAGE), offset: String(offset) });
    for (const field of fields) query.append('includefield', field);
    const page = await searchPage(server, `${path}?${query}`, signal);
    const before = rows.size;
    for (const row of page.rows) rows.set(JSON.stringify(row), parseMatch(plain(row)));
    // One that knows no offset gives the same again.
    if (rows.size === before || (page.rows.length < PAGE && !page.isCut)) break;
    offset += page.rows.length;
  }
  return [...rows.values()];
}

type DicomJson = Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>;

/** PS3.18 8.3.4.4: a server that leaves some out may say so by a warning of 299. */
async function searchPage(
  server: HttpServer,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly rows: DicomJson[]; readonly isCut: boolean }> {
  const headers = { accept: 'application/dicom+json' };
  const { statusCode, headers: said, body } = await get(server, { path, headers, signal });
  const text = await textOf(body, MOST_ANSWER_BYTES).catch((thrown) => {
    throw unreachable(server, thrown);
  });
  // A study that it does not have; a wrong address is seen at the search for studies.
  if (statusCode === 204 || (statusCode === 404 && !path.startsWith('/studies?')))
    return { rows: [], isCut: false };
  if (statusCode !== 200) throw refusal(server, 'QIDO-RS', statusCode);
  try {
    const rows: unknown = JSON.parse(text);
    if (Array.isArray(rows))
      return {
        rows: rows.filter((row) => typeof row === 'object' && row !== null),
        isCut: /\b299\b/.test(String(said.warning ?? '')),
      };
  } catch {
    // Said below.
  }
  throw new CalcidiscError(
    'DESTINATION_REFUSED',
    `${server.name} answers QIDO-RS with no DICOM JSON: is url its DICOMweb root?`,
  );
}

/** PS3.18 F.2.2: a tag's values, without what kind they are. */
function plain(row: DicomJson): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([tag, element]) => [tag.toUpperCase(), element?.Value]));
}

function refusal({ name }: HttpServer, what: string, status: number): CalcidiscError {
  const code = isForNow(status) ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
  const advice = ADVICE[status] ? ` (${ADVICE[status]})` : '';
  return new CalcidiscError(code, `${name} answered ${what} with HTTP ${status}${advice}`);
}

const ADVICE: Readonly<Record<number, string>> = {
  301: 'it is at another address: change url',
  302: 'it is at another address: change url',
  401: 'it wants other credentials: see auth',
  403: 'our account may not do that there',
  404: 'nothing is at that address: see url',
  406: 'it gives DICOM files in no form that is asked for',
};

/**
 * WADO-RS (PS3.18 10.4): a series as DICOM files, each into the spool as it comes. Whatever comes of it is a value, as
 * with a C-MOVE.
 */
export async function retrieveSeries(
  source: DicomWebSource,
  { studyInstanceUid, seriesInstanceUid }: Pick<SeriesMatch, 'studyInstanceUid' | 'seriesInstanceUid'>,
  {
    door,
    timeoutMs,
    signal,
  }: { readonly door: WebDoor; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<MoveResult> {
  const server = { ...source, timeoutMs };
  const sender = { name: source.name, remoteAddress: new URL(source.url).hostname };
  const taken: Taken[] = [];
  let status: string | null = null;
  try {
    const refused = door.refusal(sender);
    if (refused) throw new CalcidiscError('DESTINATION_BUSY', `nothing is taken here now: ${refused.reason}`);
    const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}`;
    const answer = await ask(server, path, signal);
    status = String(answer.statusCode);
    const boundary = dicomBoundary(String(answer.headers['content-type'] ?? ''));
    if (answer.statusCode !== 200 || boundary === null) {
      await forget(answer);
      if (answer.statusCode !== 200) throw refusal(server, 'WADO-RS', answer.statusCode);
      throw new CalcidiscError(
        'DESTINATION_REFUSED',
        `${source.name} answers WADO-RS with no multipart of DICOM files`,
      );
    }
    await visited(door, sender, answer.body, boundary, taken);
    const wanting = whatIsWanting(source, taken);
    if (wanting) throw wanting;
    return { ...counted(taken), status, error: null };
  } catch (thrown) {
    return { ...counted(taken), status, error: asCalcidiscError(thrown) };
  }
}

/** As they are kept there (`*`); a server that knows no such word gives its standard one. */
async function ask(server: HttpServer, path: string, signal: AbortSignal) {
  const type = 'multipart/related; type="application/dicom"';
  const asIs = { accept: `${type}; transfer-syntax=*` };
  const answer = await get(server, { path, headers: asIs, signal });
  if (answer.statusCode !== 406) return answer;
  await forget(answer);
  return get(server, { path, headers: { accept: type }, signal });
}

async function visited(
  door: WebDoor,
  sender: Parameters<WebDoor['open']>[0],
  body: Readable,
  boundary: string,
  taken: Taken[],
): Promise<void> {
  const visit = door.open(sender);
  try {
    await eachPart(body, boundary, async (part) => {
      taken.push(await visit.store(part.body));
    });
    visit.end('released');
  } catch (thrown) {
    visit.end('aborted');
    throw unreachable(sender, thrown);
  }
}

/** What is refused here for good is refused the next time, too. */
function whatIsWanting({ name }: DicomWebSource, taken: readonly Taken[]): CalcidiscError | null {
  if (taken.length === 0)
    return new CalcidiscError('DESTINATION_BUSY', `${name} sent nothing of a series that it has`);
  const refused = taken.filter(({ status }) => status !== 'success');
  const [first] = refused;
  if (!first) return null;
  const code = refused.every(({ status }) => status !== 'outOfResources')
    ? 'DESTINATION_REFUSED'
    : 'DESTINATION_BUSY';
  return new CalcidiscError(code, `${refused.length} images of ${name} are not taken here: ${first.reason}`);
}

function counted(taken: readonly Taken[]) {
  const completed = taken.filter(({ status }) => status === 'success').length;
  return { completed, failures: taken.length - completed };
}
