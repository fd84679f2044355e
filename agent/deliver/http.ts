import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, request } from 'undici';
import type { DestinationOf } from '../../config/destinations.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Outcome } from './channel.js';

/** A server that is spoken to over HTTP. */
export type HttpServer = Pick<
  DestinationOf<'stow-rs' | 'fhir' | 'webhook'>,
  'name' | 'url' | 'auth' | 'caFile' | 'timeoutMs'
>;

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** More of an answer is not read: what we look for stands at its head. */
const MOST_ANSWER_BYTES = 1 << 20;

/**
 * POSTs once, follows no redirection.
 * @throws CalcidiscError DESTINATION_UNREACHABLE when there is no answer, or a file that is needed cannot be read
 */
export async function post(
  server: HttpServer,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<HttpAnswer> {
  const { name, url, timeoutMs } = server;
  try {
    const { statusCode, body: answer } = await request(`${url.replace(/\/+$/, '')}${path}`, {
      method: 'POST',
      headers: { ...headers, ...(await authorization(server)) },
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      dispatcher: await dispatcherOf(server),
      ...(signal ? { signal } : {}),
    });
    return { status: statusCode, text: await textOf(answer) };
  } catch (thrown) {
    const { message, code } = thrown as NodeJS.ErrnoException;
    const why = message || code || 'no answer';
    throw new CalcidiscError('DESTINATION_UNREACHABLE', `${name}: ${why}`, {}, { cause: thrown });
  }
}

async function textOf(answer: Dispatcher.ResponseData['body']): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of answer) {
    length += piece.length;
    if (length <= MOST_ANSWER_BYTES) pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function authorization({ auth }: HttpServer): Promise<Readonly<Record<string, string>>> {
  if (!auth) return {};
  if (auth.type === 'bearer') return { authorization: `Bearer ${await secretIn(auth.tokenFile)}` };
  const pair = Buffer.from(`${auth.user}:${await secretIn(auth.passwordFile)}`, 'utf8');
  return { authorization: `Basic ${pair.toString('base64')}` };
}

/** The first line, read when it is needed: a password that was changed is taken without a restart. */
export async function secretIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).split(/\r?\n/)[0]!.trim();
}

/** Connections are kept and used again, for each authority and patience one pool. */
const pools = new Map<string, Agent>();

async function dispatcherOf({ caFile, timeoutMs }: HttpServer): Promise<Agent> {
  const ca = caFile ? await readFile(caFile, 'utf8') : '';
  const key = `${timeoutMs} ${ca}`;
  const known = pools.get(key);
  if (known) return known;
  const pool = new Agent({ connect: { timeout: timeoutMs, ...(ca ? { ca } : {}) }, connections: 4 });
  pools.set(key, pool);
  return pool;
}

/** These say nothing of what was sent: a password that expired, a server in distress, a queue that is full. */
const ANOTHER_TIME = new Set([401, 403, 407, 408, 425, 429]);

/** What an HTTP status means for a sender (RFC 9110 15); `what` is what it was to take. */
export function outcomeOfStatus(name: string, { status }: HttpAnswer, detail = ''): Outcome {
  const answer = String(status);
  if (status >= 200 && status < 300) return { kind: 'stored', answer, isWarning: false };
  const words = `${name} answered HTTP ${status}${ADVICE[status] ? ` (${ADVICE[status]})` : ''}${detail && `: ${detail}`}`;
  const isForNow = ANOTHER_TIME.has(status) || (status >= 500 && status !== 501 && status !== 505);
  const code = isForNow ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
  return { kind: 'failed', answer, error: new CalcidiscError(code, words) };
}

const ADVICE: Readonly<Record<number, string>> = {
  301: 'it is at another address: change url',
  302: 'it is at another address: change url',
  307: 'it is at another address: change url',
  308: 'it is at another address: change url',
  400: 'it cannot read what was sent',
  401: 'it wants other credentials: see auth',
  403: 'our account may not do that there',
  404: 'nothing is at that address: see url',
  405: 'nothing takes a POST at that address: see url',
  413: 'too large for it: raise its limit',
  415: 'it takes no such content',
};
