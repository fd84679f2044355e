/**
 * DIMSE status codes: the only place of the code where their numbers stand. Storage: PS3.4 table B.2-1 and
 * PS3.7 9.1.1.1.9; the general ones: PS3.7 annex C. `remedy` is what a sender may do about it.
 */
export const STATUSES = {
  success: { code: 0x0000, remedy: 'none', meaning: 'stored' },
  warningCoercion: { code: 0xb000, remedy: 'none', meaning: 'stored, data elements coerced' },
  warningElementsDiscarded: { code: 0xb006, remedy: 'none', meaning: 'stored, elements discarded' },
  warningDatasetMismatch: {
    code: 0xb007,
    remedy: 'none',
    meaning: 'stored, data set does not match SOP class',
  },
  outOfResources: { code: 0xa700, remedy: 'retry', meaning: 'refused: out of resources' },
  datasetMismatch: { code: 0xa900, remedy: 'give-up', meaning: 'data set does not match SOP class' },
  cannotUnderstand: { code: 0xc000, remedy: 'give-up', meaning: 'cannot understand' },
  /** Of DICOMweb (PS3.18 table I.2-2): an association negotiates it. */
  transferSyntaxNotSupported: {
    code: 0xc122,
    remedy: 'give-up',
    meaning: 'transfer syntax not supported',
  },
  processingFailure: { code: 0x0110, remedy: 'retry', meaning: 'processing failure' },
  noSuchSopInstance: { code: 0x0112, remedy: 'give-up', meaning: 'no such SOP instance' },
  duplicateSopInstance: { code: 0x0111, remedy: 'give-up', meaning: 'duplicate SOP instance' },
  invalidArgument: { code: 0x0115, remedy: 'give-up', meaning: 'invalid argument value' },
  invalidSopInstance: { code: 0x0117, remedy: 'give-up', meaning: 'invalid SOP instance' },
  noSuchSopClass: { code: 0x0118, remedy: 'give-up', meaning: 'no such SOP class' },
  classInstanceConflict: { code: 0x0119, remedy: 'give-up', meaning: 'class and instance do not agree' },
  sopClassNotSupported: { code: 0x0122, remedy: 'give-up', meaning: 'SOP class not supported' },
  noSuchActionType: { code: 0x0123, remedy: 'give-up', meaning: 'no such action type' },
  notAuthorised: { code: 0x0124, remedy: 'give-up', meaning: 'not authorised' },
  duplicateInvocation: { code: 0x0210, remedy: 'give-up', meaning: 'duplicate invocation' },
  unrecognisedOperation: { code: 0x0211, remedy: 'give-up', meaning: 'unrecognised operation' },
  mistypedArgument: { code: 0x0212, remedy: 'give-up', meaning: 'mistyped argument' },
  resourceLimitation: { code: 0x0213, remedy: 'retry', meaning: 'resource limitation' },
  cancelled: { code: 0xfe00, remedy: 'none', meaning: 'cancelled' },
  pending: { code: 0xff00, remedy: 'none', meaning: 'more to come' },
  pendingWarning: { code: 0xff01, remedy: 'none', meaning: 'more to come, optional keys not supported' },
} as const satisfies Record<string, { code: number; remedy: 'none' | 'retry' | 'give-up'; meaning: string }>;

export type StatusName = keyof typeof STATUSES;

export type Remedy = (typeof STATUSES)[StatusName]['remedy'];

/** What a status means for the sender; a code in none of the tables goes by its class (PS3.7 annex C). */
export function remedyOf(code: number): Remedy {
  const row = Object.values(STATUSES).find((status) => status.code === code);
  if (row) return row.remedy;
  const [low, high] = [code & 0xff, code >> 8];
  if (high === 0xb0 || code === 0x0001) return 'none'; // warnings
  if (high === 0xa7) return 'retry'; // A7xx: out of resources, whatever the second byte says
  if (high === 0xa9 || high >> 4 === 0xc) return 'give-up';
  return high === 0x01 && low !== 0x10 ? 'give-up' : 'retry';
}

/** Of C-FIND and C-MOVE (PS3.4 tables C.4-1 and C.4-2): where a code says something else than of C-STORE. */
export const QUERY_STATUSES = {
  subOperationsFailed: { code: 0xb000, remedy: 'retry', meaning: 'some images could not be sent' },
  outOfResourcesMatches: { code: 0xa701, remedy: 'retry', meaning: 'refused: out of resources, matches' },
  outOfResourcesMoves: { code: 0xa702, remedy: 'retry', meaning: 'refused: out of resources, sending' },
  moveDestinationUnknown: { code: 0xa801, remedy: 'give-up', meaning: 'move destination unknown' },
  identifierMismatch: { code: 0xa900, remedy: 'give-up', meaning: 'identifier does not match SOP class' },
} as const satisfies Record<string, { code: number; remedy: 'none' | 'retry' | 'give-up'; meaning: string }>;

/** What the last status of a query or a move means; "unable to process" (Cxxx) is often over after a while. */
export function queryRemedyOf(code: number): Remedy {
  const row = Object.values(QUERY_STATUSES).find((status) => status.code === code);
  if (row) return row.remedy;
  return code >> 12 === 0xc ? 'retry' : remedyOf(code);
}

/** FailureReason of a storage commitment's result (PS3.3 C.14.1.1), and what is done about it. */
export const COMMITMENT_FAILURES = {
  processingFailure: { code: 0x0110, remedy: 'ask-again', meaning: 'processing failure' },
  noSuchObject: { code: 0x0112, remedy: 'send-again', meaning: 'no such object instance' },
  classInstanceConflict: { code: 0x0119, remedy: 'give-up', meaning: 'class and instance do not agree' },
  classNotSupported: { code: 0x0122, remedy: 'give-up', meaning: 'referenced SOP class not supported' },
  duplicateTransaction: { code: 0x0131, remedy: 'ask-again', meaning: 'duplicate transaction UID' },
  resourceLimitation: { code: 0x0213, remedy: 'ask-again', meaning: 'resource limitation' },
} as const satisfies Record<
  string,
  { code: number; remedy: 'ask-again' | 'send-again' | 'give-up'; meaning: string }
>;

/** C-STORE's warnings, B0xx: the object is stored, with a remark (PS3.4 table B.2-1). */
export function isStoreWarning(code: number): boolean {
  return code >> 8 === 0xb0;
}

/** Four upper-case hexadecimal digits, as administrators read statuses. */
export function statusText(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}

/** A-ASSOCIATE-RJ, PS3.8 table 9-21. */
export const REJECTIONS = {
  applicationContext: {
    result: 1,
    source: 1,
    reason: 2,
    meaning: 'application context name not supported',
  },
  callingAe: { result: 1, source: 1, reason: 3, meaning: 'calling AE title not recognised' },
  calledAe: { result: 1, source: 1, reason: 7, meaning: 'called AE title not recognised' },
  protocolVersion: { result: 1, source: 2, reason: 2, meaning: 'protocol version not supported' },
  congestion: { result: 2, source: 3, reason: 1, meaning: 'temporary congestion' },
  localLimit: { result: 2, source: 3, reason: 2, meaning: 'local limit exceeded' },
} as const satisfies Record<string, { result: 1 | 2; source: 1 | 2 | 3; reason: number; meaning: string }>;

export type RejectionName = keyof typeof REJECTIONS;

/** Why a peer was rejected, in words; `undefined` numbers too. */
export function rejectionText(result: number, source: number, reason: number): string {
  const row = Object.values(REJECTIONS).find(
    (each) => each.result === result && each.source === source && each.reason === reason,
  );
  const how = result === 1 ? 'permanently' : 'for now';
  return `association rejected ${how}: ${row?.meaning ?? `source ${source}, reason ${reason}`}`;
}

/** A-ABORT by the service provider (source 2), PS3.8 table 9-26. */
export const ABORTS = {
  notSpecified: { source: 2, reason: 0 },
  unrecognisedPdu: { source: 2, reason: 1 },
  unexpectedPdu: { source: 2, reason: 2 },
  invalidParameter: { source: 2, reason: 6 },
} as const satisfies Record<string, { source: 2; reason: number }>;

export type AbortName = keyof typeof ABORTS;
