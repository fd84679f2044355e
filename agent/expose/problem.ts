import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { type IssueType, isFhir, sendOutcome } from './fhir/outcome.js';

/** Addresses that programs alone ask. */
export function isForPrograms(url: string): boolean {
  return url.startsWith('/api/') || url.startsWith('/dicom-web/') || isFhir(url);
}

/**
 * RFC 9457, with `error` for programs of before; of FHIR an OperationOutcome.
 * @param code FHIR's, where the status does not say it
 */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  code?: IssueType,
): FastifyReply {
  if (isFhir(reply.request.url)) return sendOutcome(reply, status, detail, code);
  const title = STATUS_CODES[status] ?? 'Error';
  return reply
    .status(status)
    .type('application/problem+json; charset=utf-8')
    .send({ type: 'about:blank', title, status, detail, error: detail });
}
