import { type Readable, Transform } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appendAudit } from '../../db/tables/audit.js';
import { isUid } from '../dicom/uid.js';
import type { WebDoor } from '../dicom/web/door.js';
import { dicomBoundary, eachPart, MultipartError } from '../dicom/web/multipart.js';
import { storeResponse, storeStatus, type Taken } from '../dicom/web/storeResponse.js';
import { sendProblem } from './problem.js';
import { BadRequest } from './query.js';
import type { HttpParts } from './types.js';

interface StudyRoute {
  Params: { study?: string };
}

type StowParts = Pick<HttpParts, 'config' | 'database' | 'log'> & { readonly door: WebDoor };

const DICOM_JSON = 'application/dicom+json; charset=utf-8';
const MIB = 1 << 20;

/** STOW-RS (PS3.18 10.5), where the configuration takes it and this process has a spool. */
export async function addStow(app: FastifyInstance, parts: HttpParts): Promise<void> {
  const { door, config } = parts;
  if (!config.http.stow.enabled || !door) return;
  await app.register(async (stow) => {
    // The body is read as it comes, by whoever stores it.
    stow.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const url of ['/dicom-web/studies', '/dicom-web/studies/:study'])
      stow.post<StudyRoute>(url, { config: { wants: 'store' } }, (request, reply) =>
        takeRequest({ ...parts, door }, request, reply),
      );
  });
}

/** A request is an association: what it has brought when it is whole was released, what broke off was not. */
async function takeRequest(
  parts: StowParts,
  request: FastifyRequest<StudyRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const sender = { name: request.principal?.name ?? request.ip, remoteAddress: request.ip };
  const refused = refusalOf(parts, request) ?? refusalOfDoor(parts.door, sender);
  if (refused) return refuse(reply, refused.status, refused.words);
  const { study } = request.params;
  const visit = parts.door.open(sender);
  const taken: Taken[] = [];
  let status: number | null = null;
  try {
    const boundary = dicomBoundary(request.headers['content-type'])!;
    await eachPart(watched(parts, request), boundary, async ({ body }) => {
      taken.push(await visit.store(body, study));
    });
    if (taken.length === 0) throw new BadRequest('there is no part in this body');
    visit.end('released');
    status = storeStatus(taken);
    return reply
      .status(status)
      .type(DICOM_JSON)
      .send(JSON.stringify(storeResponse(taken)));
  } catch (thrown) {
    visit.end(thrown instanceof TooSlow ? 'timed-out' : 'aborted');
    const { code, words } = wordsOf(thrown, taken);
    status = code;
    parts.log.warn(
      { association: visit.id, sender: sender.name, err: thrown },
      'a STOW-RS request broke off',
    );
    return refuse(reply, code, words);
  } finally {
    await noteTaken(parts, request, { visit: visit.id, taken, status });
  }
}

class TooLarge extends Error {}
class TooSlow extends Error {}

interface Refused {
  readonly status: number;
  readonly words: string;
}

/** What can be said before the first byte. */
function refusalOf({ config }: StowParts, request: FastifyRequest<StudyRoute>): Refused | null {
  const { 'content-type': type, 'content-length': length, accept = '*/*' } = request.headers;
  const { study } = request.params;
  if (study !== undefined && !isUid(study))
    return { status: 400, words: 'the study of the address is no UID' };
  if (dicomBoundary(type) === null)
    return {
      status: 415,
      words: 'what is taken is multipart/related; type="application/dicom" with a boundary',
    };
  if (!/\*\/\*|application\/\*|json/i.test(accept))
    return { status: 406, words: 'the answer is application/dicom+json' };
  const { maxRequestMiB } = config.http.stow;
  if (Number(length ?? 0) > maxRequestMiB * MIB) return { status: 413, words: tooLarge(maxRequestMiB) };
  return null;
}

function refusalOfDoor(door: WebDoor, sender: Parameters<WebDoor['refusal']>[0]): Refused | null {
  const refusal = door.refusal(sender);
  return refusal && { status: refusal.isForGood ? 403 : 503, words: refusal.reason };
}

/** The body, ended with an error when it is too large, or nothing comes for as long as an association may be silent. */
function watched({ config }: StowParts, { raw }: FastifyRequest): Readable {
  const { maxRequestMiB } = config.http.stow;
  const { idleTimeoutMs } = config.dicom;
  let bytes = 0;
  const body = new Transform({
    transform(piece: Buffer, _encoding, done) {
      timer.refresh();
      bytes += piece.length;
      done(bytes > maxRequestMiB * MIB ? new TooLarge(tooLarge(maxRequestMiB)) : null, piece);
    },
  });
  const timer = setTimeout(
    () => body.destroy(new TooSlow(`nothing came for ${idleTimeoutMs} ms`)),
    idleTimeoutMs,
  );
  body.on('close', () => clearTimeout(timer));
  raw.on('error', (error) => body.destroy(error));
  raw.on('close', () => {
    if (!raw.complete) body.destroy(new MultipartError('the sender is gone'));
  });
  return raw.pipe(body);
}

function tooLarge(maxRequestMiB: number): string {
  return `a request has at most ${maxRequestMiB} MiB here (http.stow.maxRequestMiB): send fewer objects at once`;
}

/** What is stored stays stored; a sender that sends it again loses nothing. */
function wordsOf(thrown: unknown, taken: readonly Taken[]): { code: number; words: string } {
  const stored = taken.filter(({ status }) => status === 'success').length;
  const kept = stored > 0 ? `; ${stored} objects before it are stored` : '';
  if (thrown instanceof TooLarge) return { code: 413, words: thrown.message + kept };
  if (thrown instanceof TooSlow) return { code: 408, words: thrown.message + kept };
  if (thrown instanceof BadRequest) return { code: 400, words: thrown.message };
  if (thrown instanceof MultipartError)
    return { code: 400, words: `the body is no whole multipart: ${thrown.message}${kept}` };
  return { code: 500, words: `internal error: see the log${kept}` };
}

/** The rest of the body is not waited for. */
function refuse(reply: FastifyReply, status: number, words: string): FastifyReply {
  reply.header('connection', 'close');
  if (status === 503) reply.header('retry-after', '30');
  return sendProblem(reply, status, words);
}

function noteTaken(
  { database, log }: StowParts,
  { principal, params, ip }: FastifyRequest<StudyRoute>,
  { visit, taken, status }: { visit: string; taken: readonly Taken[]; status: number | null },
): Promise<void> {
  const stored = taken.filter((each) => each.status === 'success').length;
  // What is stored is in the index's hands, whether the database answers now or later.
  return appendAudit(database.knex, {
    event: 'OBJECTS_STORED',
    subjectType: 'association',
    subjectId: visit,
    actor: principal?.actor ?? `http:${ip}`,
    detail: {
      from: ip,
      stored,
      refused: taken.length - stored,
      status,
      ...(params.study && { study: params.study }),
    },
  }).catch((error) => log.warn({ err: error, association: visit }, 'a transfer is not on the trail'));
}
