import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Config } from '../../config/schema.js';
import { appendAudit } from '../../db/tables/audit.js';
import { listBackfillStudies } from '../../db/tables/backfillStudies.js';
import { askForBackfill, findBackfills, releaseBackfill, stopBackfill } from '../../db/tables/backfills.js';
import { releaseOfBackfill } from '../../db/tables/results.js';
import { progressOf } from '../../db/views/backfillProgress.js';
import { commandActor } from '../actor.js';
import { namedBackfill, progressLines } from '../backfill/progress.js';
import { type ReportOptions, reportLines, withoutPeople, writeAcceptance } from '../backfill/report.js';
import { watchBackfill } from '../backfill/watch.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { parseDate } from '../dataset/common.js';
import { asTable } from '../demo/table.js';

interface AskOptions {
  readonly from?: string;
  readonly to?: string;
  readonly source?: string;
  readonly watch: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const backfill = program
    .command('backfill')
    .summary('read studies of the past that a PACS has; nothing is sent')
    .description(
      'Asks a PACS (query.sources) for the lumbar MR studies of some days and their CTs within the window, has them sent here\n' +
        'and reads them, behind the live work. Their results stay here: they are what a site measures before it goes live.',
    )
    .option('--from <date>', 'first study date', parseDate)
    .option('--to <date>', 'last study date; before today, as what is of today comes live', parseDate)
    .option('--source <name>', 'which of query.sources; needed where there are several')
    .option('--out <folder>', 'where the acceptance report goes at the end (default: acceptance-ID)')
    .option('--no-watch', 'write it down and end; the service works it off')
    .option('--json', 'one JSON document: {backfill, found, studies, reasons}')
    .addHelpText(
      'after',
      '\nA running service (`up` or `agent`) works it off, over restarts too. The same words once more look on, and take one that\n' +
        'was stopped up again. Ctrl-C stops looking, nothing else.\n' +
        '\nExample:\n  $ calcidisc backfill --from 2025-01-01 --to 2025-06-30\n  $ calcidisc backfill show\n' +
        '  $ calcidisc backfill report --out acceptance',
    )
    .action((options: AskOptions, command: Command) =>
      withDatabase(command, (opened) => ask(opened, options, command), {
        schema: 'upgrade',
        logLevel: 'warn',
      }),
    );
  addLooks(backfill);
  addReport(backfill);
  addChanges(backfill);
}

function addReport(backfill: Command): void {
  backfill
    .command('report [id]')
    .description(
      'the acceptance report, acceptance.html and .json: agreement with CT, coverage, refusals, turnaround, pictures; of the newest\n' +
        'backfill unless named, or with days of every case whose MR was acquired then, whatever brought it',
    )
    .option('--from <date>', 'first acquisition date of the MR', parseDate)
    .option('--to <date>', 'last acquisition date of the MR', parseDate)
    .option(
      '--model <name[@version]>',
      'whose answers, whatever its role was; without it those of whichever model decided',
    )
    .option('--out <folder>', 'where to write it (default: acceptance-ID, or acceptance-FROM-TO)')
    .option('--json', 'the JSON document on stdout too')
    .action((id: string | undefined, _options, command: Command) =>
      withDatabase(
        command,
        async (opened) => {
          // The command above has options of the same names, and whichever of the two reads one keeps it.
          const options = command.optsWithGlobals<ReportOptions>();
          const json = isJson(command);
          const written = await writeAcceptance(opened, id, options, json);
          if (json) console.log(JSON.stringify(withoutPeople(written.acceptance), null, 1));
          else console.log(reportLines(written).join('\n'));
        },
        { logLevel: 'warn' },
      ),
    );
}

function addLooks(backfill: Command): void {
  backfill
    .command('list')
    .description('all backfills, the newest first')
    .action((_options, command: Command) =>
      withDatabase(
        command,
        async ({ database: { knex } }) => {
          const all = await findBackfills(knex, null);
          const lines = await Promise.all(
            all.map(async ({ id }) => progressLines(await progressOf(knex, id))),
          );
          console.log(lines.length > 0 ? lines.flat().join('\n') : 'no backfill was asked for');
        },
        { logLevel: 'warn' },
      ),
    );
  backfill
    .command('show [id]')
    .description(
      'how far one is, and each study that was left out or failed with the reason; the newest unless named',
    )
    .option('--json', 'one JSON document: {backfill, found, studies, reasons, list}')
    .action((id: string | undefined, _options, command: Command) =>
      withDatabase(command, (opened) => show(opened, id, isJson(command)), { logLevel: 'warn' }),
    );
}

/** The command above has an option of the same name, and whichever of the two reads it keeps it. */
function isJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json ?? false;
}

async function show({ database: { knex } }: OpenedDatabase, id: string | undefined, json: boolean) {
  const progress = await progressOf(knex, (await namedBackfill(knex, id)).id);
  const all = await listBackfillStudies(knex, progress.backfill.id);
  const list = all.map(({ patientId: _, issuerOfPatientId: __, ...study }) => study);
  if (json) return console.log(JSON.stringify({ ...progress, list }, null, 1));
  const told = list.filter(({ state, lastError }) => state === 'left-out' || state === 'failed' || lastError);
  console.log(progressLines(progress).join('\n'));
  if (told.length === 0) return;
  const rows = told.map(({ studyInstanceUid, studyDate, state, reasonCode, reason, lastError }) => [
    studyDate ?? '–',
    studyInstanceUid,
    state,
    reasonCode ?? '–',
    reason ?? lastError ?? '',
  ]);
  console.log(asTable(['date', 'study', 'state', 'why', 'in words'], rows));
}

function addChanges(backfill: Command): void {
  backfill
    .command('stop <id>')
    .description('has no further study sent; what is under way is read to its end. Asking again takes it up')
    .action((id: string, _options, command: Command) =>
      withDatabase(
        command,
        async ({ database: { knex } }) => {
          const row = await namedBackfill(knex, id);
          const isStopped = await knex.transaction(async (trx) => {
            const stopped = await stopBackfill(trx, row.id);
            if (stopped) await appendAudit(trx, eventOf('BACKFILL_STOPPED', row.id));
            return stopped;
          });
          console.log(
            isStopped ? `stopped: ${row.id.slice(0, 8)}` : `${row.id.slice(0, 8)} had ended: ${row.state}`,
          );
        },
        { logLevel: 'warn' },
      ),
    );
  backfill
    .command('release <id>')
    .description(
      'lets its results go where the rules of now say: reports of old studies arrive at every destination',
    )
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .action((id: string, { reason }: { reason: string }, command: Command) =>
      withDatabase(command, (opened) => release(opened, id, reason), { logLevel: 'warn' }),
    );
}

async function release(
  { config, database: { knex } }: OpenedDatabase,
  id: string,
  reason: string,
): Promise<void> {
  if (config.results.mode === 'silent')
    throw new CalcidiscError('BACKFILL_REFUSED', 'results.mode is silent: make it live first');
  const row = await namedBackfill(knex, id);
  const cases = await knex.transaction(async (trx) => {
    if (!(await releaseBackfill(trx, row.id)))
      throw new CalcidiscError(
        'BACKFILL_REFUSED',
        `the results of ${row.id.slice(0, 8)} were let go already`,
      );
    const ids = await releaseOfBackfill(trx, row.id);
    const detail = { reason, cases: ids.length };
    await appendAudit(trx, { ...eventOf('RESULTS_RELEASED', row.id), detail });
    return ids.length;
  });
  console.log(`${cases} reports go where the rules of now say`);
}

function eventOf<E extends 'BACKFILL_ASKED' | 'BACKFILL_STOPPED' | 'RESULTS_RELEASED'>(event: E, id: string) {
  return { event, subjectType: 'backfill', subjectId: id, actor: commandActor() } as const;
}

async function ask(
  opened: OpenedDatabase,
  { from, to, source, watch, out, json = false }: AskOptions,
  command: Command,
): Promise<void> {
  if (!from || !to) return command.help({ error: true });
  const { config, database } = opened;
  const wanted = { source: sourceIn(config, source), ...daysOf(from, to), askedBy: commandActor() };
  const { backfill, isNew } = await database.knex.transaction(async (trx) => {
    const asked = await askForBackfill(trx, wanted);
    const { askedBy: _, ...detail } = wanted;
    await appendAudit(trx, { ...eventOf('BACKFILL_ASKED', asked.backfill.id), detail });
    return asked;
  });
  if (!json)
    console.log(`Backfill ${backfill.id.slice(0, 8)}${isNew ? '' : ' goes on'}; nothing of it is sent.`);
  const progress = watch
    ? await watchBackfill(database, backfill.id, json)
    : await progressOf(database.knex, backfill.id);
  console.log(json ? JSON.stringify(progress, null, 1) : progressLines(progress).join('\n'));
  if (progress.backfill.state !== 'done') return;
  const written = await writeAcceptance(opened, backfill.id, { ...(out && { out }) }, json);
  if (!json) console.log(reportLines(written).join('\n'));
}

function sourceIn({ query }: Config, named: string | undefined): string {
  const names = query.sources.map(({ name }) => name);
  if (names.length === 0)
    throw new CalcidiscError('BACKFILL_REFUSED', 'no PACS can be asked: name one in query.sources');
  if (named === undefined && names.length === 1) return names[0]!;
  if (named !== undefined && names.includes(named)) return named;
  throw new CalcidiscError('BACKFILL_REFUSED', `--source is one of ${names.join(', ')} (query.sources)`);
}

/** What is of today may still be arriving, and its results are to be sent. */
function daysOf(dateFrom: string, dateTo: string) {
  if (dateFrom > dateTo)
    throw new CalcidiscError('BACKFILL_REFUSED', `--from ${dateFrom} is after --to ${dateTo}`);
  if (dateTo >= new Date().toISOString().slice(0, 10))
    throw new CalcidiscError(
      'BACKFILL_REFUSED',
      '--to is before today: what is of today comes live, and is sent',
    );
  return { dateFrom, dateTo };
}
