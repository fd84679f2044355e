import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, request } from 'undici';
import type { DestinationOf } from '../../../config/destinations.js';
import { CalcidiscError } from '../../domain/errors.js';

/** A server that is spoken to over HTTP, as the configuration names destinations and query sources. */
export type HttpServer = Pick<
  DestinationOf<'stow-rs' | 'fhir' | 'webhook'>,
  'name' | 'url' | 'auth' | 'caFile' | 'timeoutMs'
>;

export interface HttpCall {
  readonly method: 'POST';
  /** What comes after the server's url, with a slash before it. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks once, follows no redirection.
 * @throws CalcidiscError DESTINATION_UNREACHABLE when there is no answer, or a file that is needed cannot be read
 */
export async function call(
  server: HttpServer,
  { path, signal, ...rest }: HttpCall,
): Promise<Dispatcher.ResponseData> {
  const { url, timeoutMs } = server;
  try {
    return await request(`${url.replace(/\/+$/, '')}${path}`, {
      ...rest,
      headers: { ...rest.headers, ...(await authorization(server)) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      dispatcher: await dispatcherOf(server),
      ...(signal ? { signal } : {}),
    });
  } catch (thrown) {
    throw unreachable(server, thrown);
  }
}

/** What ends a call, or the reading of its answer, without a word from the server. */
export function unreachable({ name }: Pick<HttpServer, 'name'>, thrown: unknown): CalcidiscError {
  const { message, code } = thrown as NodeJS.ErrnoException;
  const why = message || code || 'no answer';
  return new CalcidiscError('DESTINATION_UNREACHABLE', `${name}: ${why}`, {}, { cause: thrown });
}

/** @param most bytes; more of an answer is not kept */
export async function textOf(answer: AsyncIterable<Buffer>, most: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of answer) {
    length += piece.length;
    if (length <= most) pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

export async function authorization({ auth }: HttpServer): Promise<Readonly<Record<string, string>>> {
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

/** These say nothing of what was asked: a password that expired, a server in distress, a queue that is full. */
const ANOTHER_TIME = new Set([401, 403, 407, 408, 425, 429]);

/** Whether a status may be another one later (RFC 9110 15). */
export function isForNow(status: number): boolean {
  return ANOTHER_TIME.has(status) || (status >= 500 && status !== 501 && status !== 505);
}
