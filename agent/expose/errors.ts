import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CalcidiscError, type ErrorCode } from '../domain/errors.js';
import { FhirProblem } from './fhir/outcome.js';
import { menuOf } from './menu.js';
import { errorPage } from './pages/error.js';
import { layout } from './pages/layout.js';
import { isForPrograms, sendProblem } from './problem.js';
import type { HttpParts } from './types.js';

const DATABASE_AWAY =
  'The database does not answer; this page is there again when it does (/readyz says why)';
const AWAY_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  '57P01',
  '57P03',
  '08006',
]);

/** What is no failure of ours, but an answer to whoever asked. */
const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  ACCOUNT_REFUSED: 400,
  ACCOUNT_UNKNOWN: 404,
  LINK_INVALID: 410,
  MODEL_BOUNDS: 400,
  MODEL_MISSING: 404,
  MODEL_STATE: 409,
  MODEL_HASH_MISMATCH: 409,
  LOGIN_UNAVAILABLE: 503,
  CASE_NOT_FOUND: 404,
  CASE_AMBIGUOUS: 409,
  OPTIONS_CONTRADICT: 400,
  CASE_NOT_PARKED: 409,
  WITHDRAWAL_REFUSED: 409,
  VERDICT_REFUSED: 409,
  NOTHING_IN_DOUBT: 409,
  NOTHING_TO_NAME: 409,
  IMAGES_PURGED: 410,
  PIXELS_UNSUPPORTED: 422,
  NOT_DICOM: 422,
  HOLDER_AWAY: 503,
};

/** @fastify/csrf-protection's own words are for programmers. */
const STALE_FORM =
  'This form was open for too long, or did not come from this page. Nothing was changed: go back, load it again and ' +
  'send it once more';

/** One place that says what went wrong: to a browser as a page, to a program as JSON, to the log with its cause. */
export function addErrors(app: FastifyInstance, { log }: Pick<HttpParts, 'log'>): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, message } = answerTo(error);
    // The address as it is registered: what people type into one may be a name, or let somebody in.
    if (status >= 500) log.error({ err: error, path: request.routeOptions.url ?? null }, 'a request failed');
    return sendError(request, reply, status, message, error instanceof FhirProblem ? error : null);
  });
}

function answerTo(error: unknown): { readonly status: number; readonly message: string } {
  if (isDatabaseAway(error)) return { status: 503, message: DATABASE_AWAY };
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string };
  const known = error instanceof CalcidiscError ? STATUS_OF[error.code] : undefined;
  if (known) return { status: known, message };
  if (code?.startsWith('FST_CSRF_')) return { status: 403, message: STALE_FORM };
  const status = statusCode ?? 500;
  return { status, message: status >= 500 ? 'internal error: see the log' : message };
}

function isDatabaseAway(error: unknown): boolean {
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  return AWAY_CODES.has(code) || name === 'KnexTimeoutError' || /Connection terminated/.test(message ?? '');
}

/** A browser gets a page, a program JSON. */
function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  message: string,
  fhir: FhirProblem | null,
) {
  const isPage = !isForPrograms(request.url) && (request.headers.accept ?? '').includes('text/html');
  if (!isPage) return sendProblem(reply, status, message, fhir?.code);
  const page = layout({ title: 'Error', main: errorPage(status, message), menu: menuOf(reply) });
  return reply.status(status).type('text/html; charset=utf-8').send(page);
}
