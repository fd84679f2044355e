import { readersAtOnce } from '../../config/cores.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import {
  claimReading,
  endReading,
  failReading,
  postponeReading,
  type ReadingRow,
  releaseReading,
  waitReading,
} from '../../db/tables/readings.js';
import { casesOfSeries } from '../../db/views/casesOfSeries.js';
import { backoffMs } from '../../db/work/backoff.js';
import { noteReading } from '../../db/work/stageTimes.js';
import { type WorkingOff, workOff } from '../../db/work/workOff.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import type { Files } from '../holders/files.js';
import type { Locator } from '../locate/pool.js';
import type { CtResult, Located, LocateResult } from '../locate/types.js';
import type { Reader } from './reader.js';

/** What the next stage does about a reading that has ended, in the same transaction. @returns cases to wake */
export type OnRead = (trx: Tx, row: ReadingRow) => Promise<readonly CaseRow[]>;

export interface ReadingsParts {
  readonly config: Pick<Config, 'dataDir' | 'locate' | 'retry'> & Partial<Pick<Config, 'agents'>>;
  readonly database: Pick<Database, 'knex'>;
  /** Our own: what lies with another agent is read by that one. */
  readonly store?: number;
  readonly files: Files;
  readonly locator: Locator;
  readonly reader: Reader;
  readonly onRead: OnRead;
  wakeCase(row: CaseRow): void;
  readonly log: Logger;
}

/** So often is it seen whether an agent is there that holds some of a series' images. */
const AWAY_AGAIN_MS = 10_000;
/** Rows that came due, or whose process died, are found so often without being told. */
const TICK_MS = 1_000;

/**
 * Works off the rows of series_reading, as many at once as there are threads, what was asked for first before the rest.
 * The row is the truth: a process that ends hands its readings back, one that is killed has them taken over
 * (db/server/presence.ts), and one that was done twice counts once. Nothing is read before it is told to begin.
 */
export function openReadings(parts: ReadingsParts): WorkingOff {
  const { config, database, reader, log } = parts;
  return workOff<ReadingRow>({
    atOnce: readersAtOnce(config.locate),
    tickMs: TICK_MS,
    claim: (inHand) =>
      claimReading(
        database.knex,
        reader.sha256,
        inHand.map(({ id }) => id),
        parts.store,
        config.agents?.sharedFolder !== undefined,
      ),
    work: (row, signal) => readOne(parts, row, signal),
    unreadable: (error) => log.warn({ err: error }, 'the series that are to be read could not be listed'),
  });
}

async function readOne(parts: ReadingsParts, row: ReadingRow, signal: AbortSignal): Promise<void> {
  const { log, config } = parts;
  const about = { reading: row.id, seriesInstanceUid: row.seriesInstanceUid };
  try {
    // Its process ended every time, and it never lived to say how it failed.
    if (row.attempts > config.retry.maxAttempts) throw diedEveryTime(row, config.retry.maxAttempts);
    const located = await locate(parts, row);
    await end(parts, row, (trx) => endReading(trx, row.id, toRow(located)), summary(located));
  } catch (thrown) {
    // The database may be what failed: then the row is ours until the next claim finds it.
    await afterFailure(parts, row, asCalcidiscError(thrown), signal.aborted).catch((error) =>
      log.error({ ...about, err: error }, 'a reading that failed could not be written down'),
    );
  }
}

async function locate({ database, files, locator }: ReadingsParts, row: ReadingRow) {
  const instances = await listInstances(database.knex, row.seriesInstanceUid);
  return files.using(
    instances,
    (paths): Promise<Located<LocateResult | CtResult>> =>
      row.modality === 'CT' ? locator.measureCt(paths) : locator.locateMr(paths),
  );
}

function toRow({
  result,
  slicePng,
  pixelSpacingMm,
  sliceGrey = null,
  pictureFigures = null,
  milliseconds,
  regions,
}: Located<LocateResult | CtResult>) {
  return {
    result,
    slicePng,
    pixelSpacingMm,
    sliceGrey,
    pictureFigures,
    milliseconds,
    regions: regions.map(({ level, png, sha256 }) => ({ level, png, pngSha256: sha256 })),
  };
}

function summary({ result, milliseconds }: Located<LocateResult | CtResult>) {
  const { status, reasons, discs } = result;
  return { status, reasons, discs: discs.length, milliseconds: Math.round(milliseconds) };
}

async function afterFailure(
  parts: ReadingsParts,
  row: ReadingRow,
  error: CalcidiscError,
  isClosed: boolean,
): Promise<void> {
  const { config, database, log } = parts;
  const { seriesInstanceUid } = row;
  const about = {
    reading: row.id,
    seriesInstanceUid,
    ...(await casesOfSeries(database.knex, seriesInstanceUid)),
  };
  if (isClosed && !error.permanent) return releaseReading(database.knex, row.id);
  if (error.code === 'HOLDER_AWAY') {
    log.warn({ ...about, reason: error.message, delayMs: AWAY_AGAIN_MS }, 'a series waits for an agent');
    return waitReading(database.knex, row.id, error, AWAY_AGAIN_MS);
  }
  if (error.permanent || row.attempts >= config.retry.maxAttempts) {
    log.error({ ...about, code: error.code, reason: error.message }, 'a series cannot be read');
    const detail = { status: 'unreadable', errorCode: error.code, ...error.subject };
    return end(parts, row, (trx) => failReading(trx, row.id, error), detail);
  }
  const delayMs = backoffMs(row.attempts, config.retry);
  await postponeReading(database.knex, row.id, error, delayMs);
  log.warn({ ...about, err: error, delayMs }, 'reading a series failed: again');
}

/** The row's end, what it means for the cases, and its audit event in one transaction; nothing when it is not ours. */
async function end(
  { database, onRead, wakeCase, reader, log }: ReadingsParts,
  row: ReadingRow,
  write: (trx: Tx) => Promise<boolean>,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { seriesInstanceUid, modality } = row;
  const { name, version } = reader.localiser;
  const wake = await database.knex.transaction(async (trx) => {
    if (!(await write(trx))) return [];
    const cases = await onRead(trx, row);
    await appendAudit(trx, {
      event: 'SERIES_READ',
      subjectType: 'series',
      subjectId: seriesInstanceUid,
      detail: { modality, model: `${name} ${version}`, ...detail },
    });
    return cases;
  });
  for (const each of wake) wakeCase(each);
  if (detail.status === 'unreadable') return;
  const about = await casesOfSeries(database.knex, seriesInstanceUid, wake);
  const { status, discs, milliseconds } = detail;
  noteReading(modality, Number(milliseconds));
  log.info({ seriesInstanceUid, ...about, modality, status, discs, milliseconds }, 'series read');
}

function diedEveryTime({ seriesInstanceUid }: ReadingRow, maxAttempts: number): CalcidiscError {
  return new CalcidiscError(
    'STEP_DIED',
    `reading the series was started ${maxAttempts} times and never ended`,
    { seriesInstanceUid },
  );
}
