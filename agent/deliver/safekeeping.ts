import { setTimeout as sleep } from 'node:timers/promises';
import { dimseDestinations } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import {
  askCommitmentAgain,
  type CommitmentWork,
  claimCommitment,
  failCommitment,
} from '../../db/tables/commitments.js';
import { backoffMs } from '../../db/work/backoff.js';
import { workOff } from '../../db/work/workOff.js';
import type { CommitmentResult } from '../dicom/commitment.js';
import { requestCommitment } from '../dicom/dimse/commitment.js';
import { peerOf } from '../dicom/dimse/peer.js';
import { newUid } from '../dicom/uid.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { answerWaitMs } from './commitmentPolicy.js';
import { type ResultParts, takeResult } from './commitmentResult.js';

export interface SafekeepingParts extends ResultParts {
  readonly config: Pick<Config, 'deliver' | 'dicom' | 'route'>;
  /** The case has to be looked at: its report goes out again. */
  wake(row: CaseRow): void;
}

export interface Safekeeping {
  /** From now on what is due is asked for: call it when our listener is up, for the answers come there. */
  begin(): void;
  /** A PACS's word on a transaction of ours, by whatever association it came. */
  reported(result: CommitmentResult, reportingAe: string): void;
  close(): Promise<void>;
}

const TICK_MS = 1_000;
const MOST_AT_ONCE = 4;
const WRITE_AGAIN = { firstMs: 200, maxMs: 5_000 };

/**
 * Storage Commitment SCU for our own reports (PS3.4 annex J). The rows of delivery are the truth: what is due is
 * asked for, what was not answered is asked again, by whichever process lives; an answer finds its transaction after
 * a restart too.
 */
export function openSafekeeping(parts: SafekeepingParts): Safekeeping {
  const { log } = parts;
  const stop = new AbortController();
  const writing = new Set<Promise<void>>();
  const underWay = new Map<string, Promise<void>>();

  /** The answer may be here before the request has ended: on the trail it stands after it. */
  async function writeInTurn(result: CommitmentResult, reportingAe: string): Promise<void> {
    await underWay.get(result.transactionUid);
    await write(parts, result, reportingAe, stop.signal);
  }

  function reported(result: CommitmentResult, reportingAe: string): void {
    const written = writeInTurn(result, reportingAe).finally(() => writing.delete(written));
    writing.add(written);
  }

  function request(asked: Asked, signal: AbortSignal): Promise<void> {
    const { transactionUid } = asked;
    const work = ask({ ...parts, signal, reported }, asked).finally(() => underWay.delete(transactionUid));
    underWay.set(transactionUid, work);
    return work;
  }

  const asking = workOff<Asked>({
    atOnce: MOST_AT_ONCE,
    tickMs: TICK_MS,
    claim: () => claim(parts),
    work: request,
    unreadable: (error) => log.warn({ err: error }, 'the storage commitments that are due could not be read'),
  });

  return {
    begin: asking.begin,
    reported,
    async close() {
      stop.abort();
      await asking.close();
      await Promise.all(writing);
    },
  };
}

/** A claimed delivery, and the transaction by which its report is asked for. */
interface Asked extends CommitmentWork {
  readonly transactionUid: string;
}

interface AskContext extends SafekeepingParts, Pick<Safekeeping, 'reported'> {
  readonly signal: AbortSignal;
}

/** Written down with the time at which it is asked again: the answer may be here before the peer's response. */
function claim({ config, database }: SafekeepingParts): Promise<Asked | null> {
  const transactionUid = newUid();
  return database.knex.transaction(async (trx) => {
    const work = await claimCommitment(trx, transactionUid);
    if (!work) return null;
    await askCommitmentAgain(trx, work, waitMsOf(work, config));
    return { ...work, transactionUid };
  });
}

function waitMsOf({ delivery }: CommitmentWork, { deliver }: Pick<Config, 'deliver'>): number {
  return answerWaitMs(delivery.commitmentAttempts, deliver.commitment);
}

async function ask(context: AskContext, asked: Asked): Promise<void> {
  const { config, database, log, signal, reported } = context;
  const { delivery, report, transactionUid } = asked;
  const { destination: name, commitmentAttempts: attempts } = delivery;
  const { caseId, sopInstanceUid } = report;
  const about = { caseId, destination: name, sopInstanceUid, transactionUid, attempts };
  try {
    const destination = dimseDestinations(config.route).find((one) => one.name === name);
    if (!destination) throw new CalcidiscError('DESTINATION_REFUSED', `no destination ${name} is configured`);
    await requestCommitment(
      { ...peerOf(destination, config), signal },
      { transactionUid, references: report.references },
      (result) => reported(result, destination.aeTitle),
    );
    await audit(database.knex, 'COMMITMENT_REQUESTED', asked, { transactionUid, attempts });
    log.info({ ...about, waitMs: waitMsOf(asked, config) }, 'storage commitment requested');
  } catch (thrown) {
    await afterFailure(context, asked, asCalcidiscError(thrown), about).catch((error) =>
      log.error({ ...about, err: error }, 'a request for storage commitment could not be written down'),
    );
  }
}

async function afterFailure(
  { config, database, log, signal }: AskContext,
  work: Asked,
  error: CalcidiscError,
  about: object,
): Promise<void> {
  if (signal.aborted) return askCommitmentAgain(database.knex, work, 0);
  const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs } = config.deliver;
  const { commitmentAttempts: attempts, storedAt } = work.delivery;
  const ageMs = Date.now() - (storedAt?.getTime() ?? 0);
  if (!error.permanent && ageMs < giveUpAfterMs) {
    const delayMs = backoffMs(attempts, { firstMs, maxMs });
    await askCommitmentAgain(database.knex, work, delayMs, error.message);
    return log.warn({ ...about, delayMs, reason: error.message }, 'storage commitment not requested: again');
  }
  // The report was taken (C-STORE), so the case stays delivered: only the promise is missing.
  await database.knex.transaction(async (trx) => {
    if (await failCommitment(trx, work, error.message))
      await audit(trx, 'COMMITMENT_FAILED', work, { attempts, errorCode: error.code, plan: 'none' });
  });
  log.error({ ...about, code: error.code, reason: error.message }, 'no storage commitment');
}

/** Until it is written: what is lost with the process is asked for again. */
async function write(
  parts: SafekeepingParts,
  result: CommitmentResult,
  reportingAe: string,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const row = await takeResult(parts, result, reportingAe);
      if (row) parts.wake(row);
      return;
    } catch (error) {
      const { transactionUid } = result;
      parts.log.warn({ err: error, transactionUid }, 'a storage commitment’s result is not written down yet');
      if (signal.aborted) return;
      await sleep(backoffMs(attempt, WRITE_AGAIN), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function audit(
  trx: Tx,
  event: 'COMMITMENT_REQUESTED' | 'COMMITMENT_FAILED',
  { delivery, report }: CommitmentWork,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { caseId, revision, sopInstanceUid } = report;
  const { destination } = delivery;
  await appendAudit(trx, {
    event,
    subjectType: 'report',
    subjectId: sopInstanceUid,
    detail: { caseId, revision, destination, ...detail },
  });
}
