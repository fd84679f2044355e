import type { FastifyReply } from 'fastify';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/** An answer that is no resource that was asked for: with FHIR's code of what is wrong (R4 issue-type). */
export class FhirProblem extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: IssueType,
    message: string,
  ) {
    super(message);
  }
}

export type IssueType = 'value' | 'not-supported' | (typeof OF_STATUS)[number];

const OF_STATUS = [
  'login',
  'forbidden',
  'not-found',
  'throttled',
  'invalid',
  'transient',
  'exception',
] as const;
const ISSUE_TYPES: Readonly<Record<number, IssueType>> = {
  400: 'invalid',
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  429: 'throttled',
  503: 'transient',
};

/** R4 OperationOutcome: every answer of /fhir that is an error is one. */
export function operationOutcome(severity: 'error' | 'information', code: IssueType, words: string) {
  return { resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics: words }] };
}

/** Whether an address is one of the FHIR interface's. */
export function isFhir(url: string): boolean {
  return /^\/fhir(\/|\?|$)/.test(url);
}

export function sendOutcome(reply: FastifyReply, status: number, words: string, code?: IssueType) {
  return reply
    .status(status)
    .type(FHIR_JSON)
    .send(operationOutcome('error', code ?? ISSUE_TYPES[status] ?? 'exception', words));
}
