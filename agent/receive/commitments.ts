import type { Logger } from 'pino';
import { dimseDestinations } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { CommitmentResult, SopReference } from '../dicom/commitment.js';
import { sendCommitmentResult } from '../dicom/dimse/commitment.js';
import type { Peer } from '../dicom/dimse/outgoing.js';
import { sopClassOf } from '../dicom/sopClasses.js';
import { STATUSES } from '../dicom/statuses.js';
import { asCalcidiscError } from '../domain/errors.js';
import { CommitmentFiles, type OwedCommitment } from './commitmentFiles.js';
import { remoteOf } from './policy.js';

export interface CommitmentOptions {
  readonly config: Pick<Config, 'dicom' | 'route' | 'deliver'>;
  readonly spoolDir: string;
  /** Resolves when everything acknowledged so far is in the index. */
  readonly settled: () => Promise<void>;
  /** SOP class by SOP instance UID, of those that are in the index. */
  readonly findSopClasses: (sopInstanceUids: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Over the association it was asked on; false when that is gone or did not take it. */
  readonly reportOn: (associationId: string, result: CommitmentResult) => Promise<boolean>;
  readonly log: Logger;
}

export interface Commitments {
  requested(owed: OwedCommitment): void;
  close(): Promise<void>;
}

/**
 * Storage Commitment SCP (PS3.4 annex J): says which objects are safe in the index, on the same association while
 * it is open, else on a new one to the address the configuration has for that AE title; again and again, over
 * restarts too, until it is taken or `deliver.giveUpAfterMs` has passed.
 */
export async function startCommitments(options: CommitmentOptions): Promise<Commitments> {
  const { config, log } = options;
  const files = new CommitmentFiles(options.spoolDir);
  const timers = new Set<NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let isClosed = false;

  const later = (owed: OwedCommitment, delayMs: number) => {
    if (isClosed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      const attempt = tryOnce(owed, delayMs).finally(() => running.delete(attempt));
      running.add(attempt);
    }, delayMs);
    timers.add(timer);
  };

  const tryOnce = async (owed: OwedCommitment, delayMs: number): Promise<void> => {
    const about = { transactionUid: owed.transactionUid, callingAe: owed.callingAe };
    try {
      await options.settled();
      const result = await resultOf(owed, options);
      await deliver(owed, result, options);
      await files.remove(owed);
      const counts = { committed: result.committed.length, failed: result.failed.length };
      log.info({ ...about, ...counts }, 'storage commitment reported');
    } catch (thrown) {
      const { message } = asCalcidiscError(thrown);
      const ageMs = Date.now() - Date.parse(owed.requestedAt);
      if (ageMs > config.deliver.giveUpAfterMs) {
        await files.remove(owed);
        log.error({ ...about, reason: message }, 'storage commitment given up');
        return;
      }
      const nextMs = Math.min(Math.max(delayMs * 2, config.deliver.firstRetryMs), config.deliver.maxRetryMs);
      log.warn({ ...about, reason: message, nextMs }, 'storage commitment not reported yet');
      later(owed, nextMs);
    }
  };

  for (const owed of await files.list()) later(owed, 0);
  return {
    requested: (owed) => later(owed, 0),
    close: async () => {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}

/** Which of the objects asked about are in the index, and why the others are not promised. */
export async function resultOf(
  owed: Pick<OwedCommitment, 'transactionUid' | 'references'>,
  { findSopClasses }: Pick<CommitmentOptions, 'findSopClasses'>,
): Promise<CommitmentResult> {
  const classes = await findSopClasses(owed.references.map((each) => each.sopInstanceUid));
  const reasonOf = ({ sopClassUid, sopInstanceUid }: SopReference): number | null => {
    const kept = classes.get(sopInstanceUid);
    // What is kept unread may have to make room one day: nothing is promised for it.
    if (kept === undefined && sopClassOf(sopClassUid)?.use !== 'image')
      return STATUSES.sopClassNotSupported.code;
    if (kept === undefined) return STATUSES.noSuchSopInstance.code;
    return kept === sopClassUid ? null : STATUSES.classInstanceConflict.code;
  };
  const judged = owed.references.map((each) => ({ ...each, reason: reasonOf(each) }));
  return {
    transactionUid: owed.transactionUid,
    committed: judged.filter((each) => each.reason === null),
    failed: judged.flatMap((each) => (each.reason === null ? [] : [{ ...each, reason: each.reason }])),
  };
}

async function deliver(
  owed: OwedCommitment,
  result: CommitmentResult,
  options: CommitmentOptions,
): Promise<void> {
  if (await options.reportOn(owed.associationId, result)) return;
  const peer = addressOf(owed.callingAe, options.config);
  if (peer === null) {
    throw new Error(`no address is known for ${owed.callingAe}: set host and port under dicom.remotes`);
  }
  await sendCommitmentResult(peer, result);
}

/** Where an AE that calls us listens itself: as a remote, else as a destination of the same title. */
function addressOf(callingAe: string, { dicom, route }: CommitmentOptions['config']): Peer | null {
  const remote = remoteOf(callingAe, dicom);
  const ours = { calledAe: callingAe, callingAe: dicom.aeTitle };
  if (remote?.host !== undefined && remote.port !== undefined) {
    return { ...ours, host: remote.host, port: remote.port, tls: dicom.tls };
  }
  const destination = dimseDestinations(route).find((each) => each.aeTitle === callingAe);
  if (!destination) return null;
  const { host, port, tls } = destination;
  return { ...ours, host, port, tls: tls ? dicom.tls : undefined };
}
