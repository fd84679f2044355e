import { CEchoRequest } from '../dicom/dimse/library.js';
import {
  MOST_CONTEXTS,
  type OfferedContext,
  type OutgoingAssociation,
  openAssociation,
  type Peer,
} from '../dicom/dimse/outgoing.js';
import type { FileMeta } from '../dicom/fileMeta.js';
import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { remedyOf, STATUSES, statusText } from '../dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../dicom/transferSyntaxes.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { asImplicitVr, type DicomSource, openObject, readMeta } from './datasetFile.js';

import { keep, takeKept } from './keptAssociations.js';

export type { Peer } from '../dicom/dimse/outgoing.js';
export type { DicomSource } from './datasetFile.js';

export interface StoreOptions extends Peer {
  readonly files: readonly DicomSource[];
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly onProgress?: (result: StoreResult, done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /**
   * By this name an association is kept open for whoever comes next, where `isWaitedFor` says that somebody does.
   * toFollow: SOP classes of what comes then, in Explicit VR Little Endian.
   */
  readonly shared?:
    | { readonly key: string; isWaitedFor(): boolean; readonly toFollow?: readonly string[] }
    | undefined;
}

export interface StoreResult {
  /** The path, or `#<index>` of bytes. */
  readonly file: string;
  readonly sopInstanceUid: string | null;
  /** The peer's DIMSE status, four hexadecimal digits; null when it never gave one. */
  readonly status: string | null;
  /** Success, or stored with a warning. */
  readonly isStored: boolean;
  /** Why it is not stored; its code says whether to try again. */
  readonly error: CalcidiscError | null;
}

interface Sendable {
  readonly index: number;
  readonly source: DicomSource;
  readonly meta: FileMeta;
}

/**
 * C-STOREs files over one association (more only when they need over 128 presentation contexts), each in the
 * transfer syntax it lies in and byte for byte; a peer that takes nothing but Implicit VR gets Explicit VR converted. One result per file, in their order: a file that cannot be sent
 * does not stop the rest.
 * @throws CalcidiscError DESTINATION_* when not even an association could be opened
 */
export async function storeFiles(options: StoreOptions): Promise<StoreResult[]> {
  const results: StoreResult[] = [];
  const report = (index: number, result: StoreResult) => {
    results[index] = result;
    options.onProgress?.(result, results.filter(Boolean).length, options.files.length);
  };
  const sendable: Sendable[] = [];
  for (const [index, source] of options.files.entries()) {
    const name = nameOf(source, index);
    try {
      sendable.push({ index, source, meta: await readMeta(source) });
    } catch (error) {
      report(
        index,
        failed(name, null, new CalcidiscError('DESTINATION_REFUSED', messageOf(error), {}, { cause: error })),
      );
    }
  }
  for (const batch of batches(sendable)) await storeBatch(batch, options, report);
  return results;
}

/** @returns the round trip in milliseconds; @throws CalcidiscError DESTINATION_* */
export async function echo(
  options: Peer & Pick<StoreOptions, 'connectTimeoutMs' | 'answerTimeoutMs' | 'signal'>,
): Promise<{ elapsedMs: number }> {
  const verification = SOP_CLASSES.verification.uid;
  const begin = performance.now();
  const context = {
    abstractSyntaxUid: verification,
    transferSyntaxUids: [TRANSFER_SYNTAXES.implicitVrLittleEndian.uid],
  };
  const association = await openAssociation({ ...options, contexts: [context] });
  try {
    if (association.contextFor(verification) === null) {
      throw new CalcidiscError('DESTINATION_REFUSED', `${options.calledAe} does not take C-ECHO`);
    }
    const response = await association.perform(new CEchoRequest());
    const error = errorOf(response.getStatus(), '', options.calledAe, {});
    if (error) throw error;
    return { elapsedMs: performance.now() - begin };
  } finally {
    await association.release();
  }
}

type Report = (index: number, result: StoreResult) => void;

async function storeBatch(batch: readonly Sendable[], options: StoreOptions, report: Report): Promise<void> {
  const { signal, shared, ...rest } = options;
  const classes = batch.map(({ meta }) => meta.sopClassUid);
  const association =
    (shared && (await takeKept(shared.key, classes))) ??
    (await openAssociation({ ...rest, signal, contexts: contextsFor(batch, shared?.toFollow) }));
  for (const each of batch) report(each.index, await storeOne(association, each, options));
  if (shared?.isWaitedFor()) await keep(shared.key, association);
  else await association.release();
}

async function storeOne(association: OutgoingAssociation, each: Sendable, peer: Peer): Promise<StoreResult> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = each.meta;
  const name = nameOf(each.source, each.index);
  const context =
    association.contextFor(sopClassUid, transferSyntaxUid) ??
    (transferSyntaxUid === EXPLICIT ? association.contextFor(sopClassUid, IMPLICIT) : null);
  if (context === null) {
    const why = `${peer.calledAe} does not take SOP class ${sopClassUid} in transfer syntax ${transferSyntaxUid}`;
    return failed(name, sopInstanceUid, new CalcidiscError('DESTINATION_REFUSED', why, { sopInstanceUid }));
  }
  try {
    const object = await openObject(each.source);
    try {
      const isAsItLies = context.transferSyntaxUid === transferSyntaxUid;
      const dataset = isAsItLies ? object.dataset : await asImplicitVr(object);
      const { status, comment } = await association.store(context, { sopClassUid, sopInstanceUid }, dataset);
      const error = errorOf(status, comment, peer.calledAe, { sopInstanceUid });
      return { file: name, sopInstanceUid, status: statusText(status), isStored: error === null, error };
    } finally {
      await object.close();
    }
  } catch (error) {
    // What the file itself does not allow is mended by no other attempt.
    const code = error instanceof RangeError ? 'DESTINATION_REFUSED' : null;
    const known = code
      ? new CalcidiscError(code, messageOf(error), { sopInstanceUid }, { cause: error })
      : asCalcidiscError(error);
    return failed(name, sopInstanceUid, known);
  }
}

/** What a DIMSE status means for a sender; null for success and warnings. */
function errorOf(
  status: number,
  comment: string,
  calledAe: string,
  subject: Readonly<Record<string, string>>,
): CalcidiscError | null {
  const remedy = remedyOf(status);
  if (remedy === 'none') return null;
  const row = Object.values(STATUSES).find(({ code }) => code === status);
  const words = [row?.meaning, comment].filter(Boolean).join('; ');
  const message = `${calledAe} answered ${statusText(status)}${words ? ` (${words})` : ''}`;
  return new CalcidiscError(
    remedy === 'retry' ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED',
    message,
    subject,
  );
}

/**
 * One context for each SOP class and syntax, as an acceptor chooses one syntax per context; and for Explicit VR
 * Little Endian another with the syntax that everybody takes (PS3.5 10.1), should that be all the peer knows.
 */
function contextsFor(batch: readonly Sendable[], toFollow: readonly string[] = []): OfferedContext[] {
  const metas = [
    ...batch.map(({ meta }) => meta),
    ...toFollow.map((sopClassUid) => ({ sopClassUid, transferSyntaxUid: EXPLICIT })),
  ];
  const keys = new Set(metas.flatMap(contextKeys));
  return [...keys].map((key) => {
    const [abstractSyntaxUid, transferSyntaxUid] = key.split(' ') as [string, string];
    return { abstractSyntaxUid, transferSyntaxUids: [transferSyntaxUid] };
  });
}

function batches(files: readonly Sendable[]): Sendable[][] {
  const all: Sendable[][] = [];
  let keys = new Set<string>();
  for (const file of files) {
    const own = contextKeys(file.meta);
    for (const key of own) keys.add(key);
    if (all.length === 0 || keys.size > MOST_CONTEXTS) {
      all.push([]);
      keys = new Set(own);
    }
    all.at(-1)!.push(file);
  }
  return all;
}

const { uid: EXPLICIT } = TRANSFER_SYNTAXES.explicitVrLittleEndian;
const { uid: IMPLICIT } = TRANSFER_SYNTAXES.implicitVrLittleEndian;

function contextKeys({
  sopClassUid,
  transferSyntaxUid,
}: Pick<FileMeta, 'sopClassUid' | 'transferSyntaxUid'>): string[] {
  const syntaxes = transferSyntaxUid === EXPLICIT ? [EXPLICIT, IMPLICIT] : [transferSyntaxUid];
  return syntaxes.map((syntax) => `${sopClassUid} ${syntax}`);
}

function nameOf(source: DicomSource, index: number): string {
  return typeof source === 'string' ? source : `#${index}`;
}

function failed(file: string, sopInstanceUid: string | null, error: CalcidiscError): StoreResult {
  return { file, sopInstanceUid, status: null, isStored: false, error };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
