import { type Command, InvalidArgumentError, Option } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { appendAudit } from '../../db/tables/audit.js';
import { endLegalHolds, listLegalHolds, setLegalHold } from '../../db/tables/legalHolds.js';
import { findStudy } from '../../db/tables/studies.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { PURGED_KINDS, type PurgedKind, purgeOf } from '../purgeKinds.js';

interface Options {
  readonly what: PurgedKind;
  readonly belowSixYears?: boolean;
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
    .summary('delete what is old and nothing needs: images, regions, reports, the trail')
    .description(
      'Deletes what retention says, or --older-than, one kind at a time. images (the default): files of images, of this ' +
        'data folder alone; each agent deletes its own. regions: pictures of what was read (regions, heat maps, slices); ' +
        'answers stay, and cannot be replayed any more. reports: files of reports and messages as they were sent; what ' +
        'they said stays. audit: the beginning of the trail, once it is written to a file that the chain vouches for ' +
        '(retention.auditFolder; keep it). Never deleted: what an open case, a reading, a delivery or somebody who may ' +
        'yet have it sent again needs, and studies under a legal hold.',
    )
    .addOption(new Option('--what <kind>', 'what is deleted').choices(PURGED_KINDS).default('images'))
    .option('--dry-run', 'says what would go and what would stay, and changes nothing')
    .option(
      '--older-than <days>',
      'instead of retention.imagesDays, .regionsDays, .reportsDays or .auditDays',
      parseDays,
    )
    .option(
      '--below-six-years',
      'with --what audit: the site answers for keeping its trail for less than six years',
    )
    .option('--hold <study>', 'a legal hold on a study, by its Study Instance UID; with --reason')
    .option('--release <study>', 'ends the legal holds on a study; with --reason')
    .option('--reason <text>', 'why, for the audit trail')
    .option('--holds', 'lists the legal holds that are in force')
    .option(
      '--json',
      'one JSON document on stdout: images {series, images, bytes, kept}, regions and reports {cases, pieces, bytes, kept}, audit {rows, through, file, kept}; kept is {why: count}',
    )
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc purge --dry-run --older-than 90\n' +
        '  calcidisc purge --what regions --dry-run --older-than 730\n' +
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
  const { done, words } = await purgeOf(options.what, opened, {
    ...(options.olderThan !== undefined && { days: options.olderThan }),
    isDry: options.dryRun === true,
    isShortConfirmed: options.belowSixYears === true || config.retention.auditBelowSixYears,
    actor: commandActor(),
  });
  console.log(options.json ? JSON.stringify(done) : words);
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
