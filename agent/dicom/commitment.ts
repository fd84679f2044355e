import { isUid } from './uid.js';

/** One object whose safe keeping is asked for (PS3.3 table C.14-1). */
export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface CommitmentRequest {
  readonly transactionUid: string;
  readonly references: readonly SopReference[];
}

export interface CommitmentResult {
  readonly transactionUid: string;
  readonly committed: readonly SopReference[];
  /** `reason` is a status of PS3.3 C.14.1.1. */
  readonly failed: readonly (SopReference & { readonly reason: number })[];
}

/** PS3.4 J.3.2, J.3.3: the one action, and the two events. */
export const COMMITMENT_ACTION = 1;
export const COMMITMENT_EVENTS = { complete: 1, failuresExist: 2 } as const;

type Elements = Readonly<Record<string, unknown>>;

/** @throws RangeError when the data set is no storage commitment request */
export function parseCommitmentRequest(elements: Elements): CommitmentRequest {
  const references = itemsOf(elements.ReferencedSOPSequence).map(parseReference);
  if (references.length === 0) throw new RangeError('no object is referenced');
  return { transactionUid: parseTransaction(elements), references };
}

/** @throws RangeError when the data set is no storage commitment result */
export function parseCommitmentResult(elements: Elements): CommitmentResult {
  return {
    transactionUid: parseTransaction(elements),
    committed: itemsOf(elements.ReferencedSOPSequence).map(parseReference),
    failed: itemsOf(elements.FailedSOPSequence).map((item) => ({
      ...parseReference(item),
      reason: Number(item.FailureReason ?? 0),
    })),
  };
}

export function commitmentRequestElements({ transactionUid, references }: CommitmentRequest): Elements {
  return { TransactionUID: transactionUid, ReferencedSOPSequence: references.map(referenceElements) };
}

/** A sequence without items is left out: PS3.4 table J.3-2 has each only where there is something in it. */
export function commitmentResultElements({ transactionUid, committed, failed }: CommitmentResult): Elements {
  return {
    TransactionUID: transactionUid,
    ...(committed.length > 0 ? { ReferencedSOPSequence: committed.map(referenceElements) } : {}),
    ...(failed.length > 0
      ? {
          FailedSOPSequence: failed.map((each) => ({
            ...referenceElements(each),
            FailureReason: each.reason,
          })),
        }
      : {}),
  };
}

function parseTransaction({ TransactionUID }: Elements): string {
  if (!isUid(TransactionUID)) throw new RangeError('the transaction UID is missing or no UID');
  return TransactionUID;
}

function parseReference(item: Elements): SopReference {
  const [sopClassUid, sopInstanceUid] = [item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID];
  if (!isUid(sopClassUid) || !isUid(sopInstanceUid)) throw new RangeError('a reference without its UIDs');
  return { sopClassUid, sopInstanceUid };
}

function referenceElements({ sopClassUid, sopInstanceUid }: SopReference): Elements {
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

/** dcmjs gives a sequence of one item as an array with proxies, and one item alone as an object. */
function itemsOf(sequence: unknown): readonly Elements[] {
  if (sequence === undefined || sequence === null) return [];
  return Array.isArray(sequence) ? Array.from(sequence as Elements[]) : [sequence as Elements];
}
