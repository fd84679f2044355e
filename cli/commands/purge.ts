import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { spoolNumber } from '../../agent/receive/spoolNumber.js';
import { type Purged, planPurge, purge } from '../../agent/retain/purge.js';
import { appendAudit } from '../../db/tables/audit.js';
import { endLegalHolds, listLegalHolds, setLegalHold } from '../../db/tables/legalHolds.js';
import { findStudy } from '../../db/tables/studies.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';

interface Options {
  readonly dryRun?: boolean;
  readonly olderThan?: number;
  readonly hold?: string;
  readonly release?: string;
  readonly reason?: string;
  readonly holds?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('purge')
    .summary('delete old images that nothing needs')
    .description(
      'Deletes the files of images whose series got its last image longer ago than retention.imagesDays (or --older-than). ' +
        'Rows, regions, results, reports and the audit trail stay: a report can be replayed, and its images come back ' +
        'from the PACS when they are sent again. Never deleted: what an open case, a reading or a delivery needs, and ' +
        'studies under a legal hold. Only the data folder of this configuration is looked at: each agent deletes its own.',
    )
    .option('--dry-run', 'says what would go and what would stay, and changes nothing')
    .option('--older-than <days>', 'instead of retention.imagesDays', parseDays)
    .option('--hold <study>', 'a legal hold on a study, by its Study Instance UID; with --reason')
    .option('--release <study>', 'ends the legal holds on a study; with --reason')
    .option('--reason <text>', 'why, for the audit trail')
    .option('--holds', 'lists the legal holds that are in force')
    .option('--json', 'one JSON document on stdout: {series, images, bytes, kept: {why: series}}')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc purge --dry-run --older-than 90\n' +
        '  calcidisc purge --hold 1.2.840.1.2.3 --reason "claim 2026-17"',
    )
    .action((options: Options, command: Command) =>
      withDatabase(command, (opened) => run(options, opened), { logLevel: 'warn' }),
    );
}

async function run(options: Options, opened: OpenedDatabase): Promise<void> {
  if (options.hold ?? options.release) return changeHold(options, opened);
  const { database, config } = opened;
  if (options.holds) return printHolds(await listLegalHolds(database.knex), options.json);
  const days = options.olderThan ?? config.retention.imagesDays;
  if (days === undefined)
    throw new CalcidiscError(
      'RETENTION_UNSAID',
      'nobody has said how long images are kept: set retention.imagesDays, or say --older-than DAYS',
    );
  const { dataDir } = config;
  const store = await spoolNumber(join(dataDir, 'spool'));
  const parts = { database, dataDir, store, days, actor: commandActor() };
  const done = await (options.dryRun ? planPurge(parts) : purge(parts));
  console.log(options.json ? JSON.stringify(done) : inWords(done, days, options.dryRun === true));
}

function inWords({ series, images, bytes, kept }: Purged, days: number, isDry: boolean): string {
  const verb = isDry ? 'would be deleted' : 'deleted';
  const stay = Object.entries(kept).map(([why, count]) => `  ${count} series stay: ${why}`);
  const head = `${images} images of ${series} series (${(bytes / 1e6).toFixed(1)} MB) older than ${days} days ${verb}`;
  return [head, ...stay].join('\n');
}

async function changeHold(
  { hold, release, reason }: Options,
  { database: { knex } }: OpenedDatabase,
): Promise<void> {
  const studyInstanceUid = (hold ?? release)!;
  if (!reason) throw new CalcidiscError('OPTIONS_CONTRADICT', 'a legal hold is set and ended with --reason');
  if (!(await findStudy(knex, studyInstanceUid)))
    throw new CalcidiscError('CASE_NOT_FOUND', `there is no study ${studyInstanceUid}`);
  const actor = commandActor();
  const ended = await knex.transaction(async (trx) => {
    if (hold) await setLegalHold(trx, { studyInstanceUid, reason, setBy: actor });
    const count = release ? await endLegalHolds(trx, studyInstanceUid, actor) : 0;
    await appendAudit(trx, {
      event: hold ? 'LEGAL_HOLD_SET' : 'LEGAL_HOLD_ENDED',
      subjectType: 'study',
      subjectId: studyInstanceUid,
      detail: { reason, ...(release ? { holds: count } : {}) },
      actor,
    });
    return count;
  });
  console.log(hold ? 'held: nothing of it is deleted' : `${ended} legal holds ended`);
}

function printHolds(holds: Awaited<ReturnType<typeof listLegalHolds>>, isJson = false): void {
  if (isJson) {
    console.log(JSON.stringify({ holds }));
    return;
  }
  for (const { studyInstanceUid, reason, setBy, setAt } of holds)
    console.log(`${studyInstanceUid}  since ${setAt.toISOString().slice(0, 10)} by ${setBy}: ${reason}`);
  console.log(`${holds.length} legal holds in force`);
}

function parseDays(text: string): number {
  const days = Number(text);
  if (text.trim() !== '' && Number.isFinite(days) && days >= 0) return days;
  throw new InvalidArgumentError('it has to be a number of days');
}
