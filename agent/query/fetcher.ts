import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import {
  claimPriorFetch,
  endPriorFetch,
  findPriorFetch,
  type PriorFetchRow,
  postponePriorFetch,
  releasePriorFetch,
} from '../../db/tables/priorFetches.js';
import { casesOfSeries } from '../../db/views/casesOfSeries.js';
import { backoffMs } from '../../db/work/backoff.js';
import { workOff } from '../../db/work/workOff.js';
import type { WebDoor } from '../dicom/web/door.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { describe, type FetchContext, fetchPriors } from './fetch.js';
import { compilePriorRule } from './rule.js';
import type { QueryConfig, Source } from './source.js';

export interface FetcherParts {
  readonly config: QueryConfig;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  /** Where what comes by DICOMweb goes in. */
  readonly door?: WebDoor;
  /** Told after every attempt, however it ended: whoever waits for the fetch looks again. */
  onAttempt?(row: PriorFetchRow): Promise<void>;
}

export interface Fetcher {
  /** Something may be due: looks at once instead of at the next tick. */
  wake(): void;
  close(): Promise<void>;
}

const TICK_MS = 2_000;

/**
 * Works off the rows of prior_fetch, a few at once. The row is the truth: a process that ends hands its fetches back,
 * one that is killed has them taken over (db/server/presence.ts), and images that come twice are counted, not kept twice.
 * @throws ConfigError when the rule is no CEL expression
 */
export function startFetcher(parts: FetcherParts): Fetcher {
  const { config, database, log } = parts;
  const fits = compilePriorRule(config.query.priors.rule);
  const working = workOff<PriorFetchRow>({
    atOnce: config.query.priors.maxConcurrent,
    tickMs: TICK_MS,
    claim: (inHand) =>
      claimPriorFetch(
        database.knex,
        inHand.map(({ id }) => id),
      ),
    work: (row, signal) => attempt({ ...parts, fits, signal }, row),
    unreadable: (error) => log.warn({ err: error }, 'the fetches that are due could not be read'),
  });
  working.begin();
  return working;
}

type AttemptContext = FetcherParts & FetchContext;

async function attempt(context: AttemptContext, row: PriorFetchRow): Promise<void> {
  const { log } = context;
  const { id: fetch, source: name, seriesInstanceUid } = row;
  const cases = await casesOfSeries(context.database.knex, seriesInstanceUid);
  const about = { fetch, source: name, seriesInstanceUid, ...cases };
  try {
    const source = sourceOf(context, row);
    if (!source) throw new CalcidiscError('DESTINATION_REFUSED', `no source ${row.source} is configured`);
    const reason = await fetchPriors(context, row, source);
    await end(context, row, { state: 'done', reason });
    log.info({ ...about, reason }, 'prior fetch done');
  } catch (thrown) {
    // The database may be what failed: then the row is ours until the next claim finds it.
    await afterFailure(context, row, asCalcidiscError(thrown), about).catch((error) =>
      log.error({ ...about, err: error }, 'a fetch that failed could not be written down'),
    );
  }
  await context.onAttempt?.(row).catch((error) => log.warn({ ...about, err: error }, 'waking a case failed'));
}

async function afterFailure(
  context: AttemptContext,
  row: PriorFetchRow,
  error: CalcidiscError,
  about: object,
): Promise<void> {
  const { config, database, log, signal } = context;
  if (signal.aborted) return releasePriorFetch(database.knex, row.id);
  const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs } = config.query.priors;
  const ageMs = Date.now() - row.askedAt.getTime();
  if (error.permanent || ageMs >= giveUpAfterMs) {
    await end(context, row, { state: 'failed', reason: error.message, errorCode: error.code });
    return log.error({ ...about, code: error.code, reason: error.message }, 'prior fetch failed for good');
  }
  const delayMs = backoffMs(row.attempts, { firstMs, maxMs });
  await postponePriorFetch(database.knex, row.id, error, delayMs);
  log.warn({ ...about, delayMs, code: error.code, reason: error.message }, 'prior fetch failed: again');
}

function sourceOf({ config }: Pick<FetcherParts, 'config'>, row: PriorFetchRow): Source | undefined {
  return config.query.sources.find(({ name }) => name === row.source);
}

interface End {
  readonly state: 'done' | 'failed';
  /** In words, for the row. A PACS may repeat what it was asked, so the trail gets the code. */
  readonly reason: string;
  readonly errorCode?: string;
}

/** The row's end and its audit event in one transaction; nothing when another process has taken it over. */
async function end(
  { config, database }: FetcherParts,
  row: PriorFetchRow,
  { errorCode, ...how }: End,
): Promise<void> {
  await database.knex.transaction(async (trx) => {
    if (!(await endPriorFetch(trx, row.id, how))) return;
    const { seriesMoved, seriesSkipped, instancesMoved } = (await findPriorFetch(trx, row.id))!;
    const source = sourceOf({ config }, row);
    const asked = source ? describe(row, source) : { purpose: 'prior', source: row.source };
    await appendAudit(trx, {
      event: how.state === 'done' ? 'PRIOR_FETCHED' : 'PRIOR_FAILED',
      subjectType: 'series',
      subjectId: row.seriesInstanceUid,
      detail: { ...asked, seriesMoved, seriesSkipped, instancesMoved, ...(errorCode && { errorCode }) },
    });
  });
}
