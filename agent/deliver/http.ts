import { call, type HttpServer, isForNow, textOf, unreachable } from '../dicom/web/client.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Outcome } from './channel.js';

export { secretIn } from '../dicom/web/client.js';

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
  const { statusCode, body: answer } = await call(server, { method: 'POST', path, headers, body, signal });
  try {
    return { status: statusCode, text: await textOf(answer, MOST_ANSWER_BYTES) };
  } catch (thrown) {
    throw unreachable(server, thrown);
  }
}

/** What an HTTP status means for a sender (RFC 9110 15); `what` is what it was to take. */
export function outcomeOfStatus(name: string, { status }: HttpAnswer, detail = ''): Outcome {
  const answer = String(status);
  if (status >= 200 && status < 300) return { kind: 'stored', answer, isWarning: false };
  const words = `${name} answered HTTP ${status}${ADVICE[status] ? ` (${ADVICE[status]})` : ''}${detail && `: ${detail}`}`;
  const code = isForNow(status) ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
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
