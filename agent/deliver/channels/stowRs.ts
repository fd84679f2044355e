import { randomUUID } from 'node:crypto';
import type { DestinationOf } from '../../../config/destinations.js';
import { isStoreWarning, remedyOf, STATUSES, statusText } from '../../dicom/statuses.js';
import { asCalcidiscError, CalcidiscError } from '../../domain/errors.js';
import type { Channel, Item, Outcome } from '../channel.js';
import { type HttpAnswer, outcomeOfStatus, post } from '../http.js';

/** STOW-RS, the Store Transaction of DICOMweb (PS3.18 10.5): all forms of a result in one request. */
export const stowRs: Channel<DestinationOf<'stow-rs'>> = {
  async send(items, destination, { signal }) {
    try {
      const boundary = `calcidisc-${randomUUID()}`;
      const headers = {
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
        accept: 'application/dicom+json',
      };
      const answer = await post(destination, '/studies', headers, multipart(items, boundary), signal);
      return outcomesOf(items, destination.name, answer);
    } catch (thrown) {
      const error = asCalcidiscError(thrown);
      return items.map(() =>
        signal?.aborted ? { kind: 'interrupted', error } : { kind: 'failed', answer: null, error },
      );
    }
  },
  describe: ({ url }) => ({ url }),
};

/** PS3.18 8.6.1.2: each object a part. */
function multipart(items: readonly Item[], boundary: string): Buffer {
  const parts = items.flatMap(({ bytes }) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

const STORED = '00081199';
const FAILED = '00081198';
const SOP_INSTANCE = '00081155';
const FAILURE_REASON = '00081197';
const WARNING_REASON = '00081196';

/**
 * 200: all stored, 202: some, or with a warning, 409: none (PS3.18 table 10.5.3-1); the Store Instances Response Module
 * says what became of each (PS3.18 10.5.4). What it is silent about goes by the status.
 */
export function outcomesOf(items: readonly Item[], name: string, answer: HttpAnswer): Outcome[] {
  const said = responseIn(answer.text);
  const listsAny = said.stored.size + said.failed.size > 0;
  return items.map(({ id }) => {
    const reason = said.failed.get(id);
    if (reason !== undefined) return outcomeOfFailure(name, reason);
    if (said.stored.has(id)) {
      const warning = said.stored.get(id)!;
      return { kind: 'stored', answer: String(answer.status), isWarning: warning > 0 };
    }
    const byStatus = outcomeOfStatus(name, answer);
    if (byStatus.kind !== 'stored' || !listsAny) return byStatus;
    const words = `${name} answered HTTP ${answer.status} and says nothing of one object`;
    return {
      kind: 'failed',
      answer: String(answer.status),
      error: new CalcidiscError('DESTINATION_BUSY', words),
    };
  });
}

/** FailureReason (0008,1197) has the statuses of C-STORE (PS3.18 table 10.5.3-2). */
function outcomeOfFailure(name: string, reason: number): Outcome {
  const answer = statusText(reason);
  if (isStoreWarning(reason)) return { kind: 'stored', answer, isWarning: true };
  const row = Object.values(STATUSES).find(({ code }) => code === reason);
  const words = `${name} does not store it: ${answer}${row ? ` (${row.meaning})` : ''}`;
  const code = remedyOf(reason) === 'retry' ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
  const error = new CalcidiscError(code, words);
  return reason === STATUSES.duplicateSopInstance.code
    ? { kind: 'there-already', answer, error }
    : { kind: 'failed', answer, error };
}

type DicomJson = Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>;

/** SOP Instance UID -> warning (0: none) or failure reason. */
function responseIn(text: string) {
  const dataset = parsed(text);
  const rows = (tag: string, reason: string) =>
    new Map(
      ((dataset[tag]?.Value ?? []) as readonly DicomJson[]).map((item) => [
        String(item[SOP_INSTANCE]?.Value?.[0] ?? ''),
        Number(item[reason]?.Value?.[0] ?? 0),
      ]),
    );
  return { stored: rows(STORED, WARNING_REASON), failed: rows(FAILED, FAILURE_REASON) };
}

function parsed(text: string): DicomJson {
  try {
    const value: unknown = JSON.parse(text);
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === 'object' && first !== null ? (first as DicomJson) : {};
  } catch {
    return {};
  }
}
