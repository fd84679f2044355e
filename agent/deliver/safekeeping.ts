import { setTimeout as sleep } from 'node:timers/promises';
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
import type { CommitmentResult } from '../dicom/commitment.js';
import { requestCommitment } from '../dicom/dimse/commitment.js';
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

type Destination = Config['route']['destinations'][number];

/**
 * Storage Commitment SCU for our own reports (PS3.4 annex J). The rows of delivery are the truth: what is due is
 * asked for, what was not answered is asked again, by whichever process lives; an answer finds its transaction after
 * a restart too.
 */
export function openSafekeeping(parts: SafekeepingParts): Safekeeping {
  const { config, database, log } = parts;
  const destinations = new Map(config.route.destinations.map((one) => [one.name, one]));
  const stop = new AbortController();
  const running = new Set<Promise<void>>();
  let filling: Promise<void> | null = null;

  function run(work: Promise<void>): void {
    const tracked = work.finally(() => running.delete(tracked));
    running.add(tracked);
  }

  function tick(): void {
    filling ??= fill()
      .catch((error) => log.warn({ err: error }, 'the storage commitments that are due could not be read'))
      .finally(() => {
        filling = null;
      });
  }

  async function fill(): Promise<void> {
    while (running.size < MOST_AT_ONCE && !stop.signal.aborted) {
      const transactionUid = newUid();
      const work = await database.knex.transaction((trx) => claim(trx, transactionUid));
      if (!work) return;
      run(ask(work, transactionUid));
    }
  }

  /** Written down with the time at which it is asked again: the answer may be here before the peer's response. */
  async function claim(trx: Tx, transactionUid: string): Promise<CommitmentWork | null> {
    const work = await claimCommitment(trx, transactionUid);
    if (work) await askCommitmentAgain(trx, work, waitMsOf(work));
    return work;
  }

  const waitMsOf = ({ delivery }: CommitmentWork) =>
    answerWaitMs(delivery.commitmentAttempts, config.deliver.commitment);

  async function ask(work: CommitmentWork, transactionUid: string): Promise<void> {
    const { destination: name, commitmentAttempts: attempts } = work.delivery;
    const about = { destination: name, sopInstanceUid: work.report.sopInstanceUid, transactionUid, attempts };
    try {
      const destination = destinations.get(name);
      if (!destination)
        throw new CalcidiscError('DESTINATION_REFUSED', `no destination ${name} is configured`);
      await requestCommitment(
        { ...peerOf(destination, config), signal: stop.signal },
        { transactionUid, references: [work.report] },
        (result) => reported(result, destination.aeTitle),
      );
      await audit(database.knex, 'COMMITMENT_REQUESTED', work, { transactionUid, attempts });
      log.info({ ...about, waitMs: waitMsOf(work) }, 'storage commitment requested');
    } catch (thrown) {
      await afterFailure(work, asCalcidiscError(thrown), about).catch((error) =>
        log.error({ ...about, err: error }, 'a request for storage commitment could not be written down'),
      );
    }
  }

  async function afterFailure(work: CommitmentWork, error: CalcidiscError, about: object): Promise<void> {
    if (stop.signal.aborted) return askCommitmentAgain(database.knex, work, 0);
    const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs } = config.deliver;
    const { commitmentAttempts: attempts, storedAt } = work.delivery;
    const ageMs = Date.now() - (storedAt?.getTime() ?? 0);
    if (!error.permanent && ageMs < giveUpAfterMs) {
      const delayMs = backoffMs(attempts, { firstMs, maxMs });
      await askCommitmentAgain(database.knex, work, delayMs, error.message);
      return log.warn(
        { ...about, delayMs, reason: error.message },
        'storage commitment not requested: again',
      );
    }
    // The report was taken (C-STORE), so the case stays delivered: only the promise is missing.
    await database.knex.transaction(async (trx) => {
      if (await failCommitment(trx, work, error.message))
        await audit(trx, 'COMMITMENT_FAILED', work, { attempts, errorCode: error.code, plan: 'none' });
    });
    log.error({ ...about, code: error.code, reason: error.message }, 'no storage commitment');
  }

  function reported(result: CommitmentResult, reportingAe: string): void {
    run(write(result, reportingAe));
  }

  /** Until it is written: what is lost with the process is asked for again. */
  async function write(result: CommitmentResult, reportingAe: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const row = await takeResult(parts, result, reportingAe);
        if (row) parts.wake(row);
        return;
      } catch (error) {
        const { transactionUid } = result;
        log.warn({ err: error, transactionUid }, 'a storage commitment’s result is not written down yet');
        if (stop.signal.aborted) return;
        await sleep(backoffMs(attempt, WRITE_AGAIN), undefined, { signal: stop.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  let timer: NodeJS.Timeout | undefined;
  return {
    begin() {
      timer = setInterval(tick, TICK_MS);
      tick();
    },
    reported,
    async close() {
      clearInterval(timer);
      stop.abort();
      await filling;
      await Promise.all(running);
    },
  };
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

function peerOf({ host, port, aeTitle, tls }: Destination, { dicom }: Pick<Config, 'dicom'>) {
  return {
    host,
    port,
    calledAe: aeTitle,
    callingAe: dicom.aeTitle,
    tls: tls ? dicom.tls : undefined,
  };
}
