import { type Command, Option } from 'commander';
import { CASE_STATES, type CaseState } from '../../agent/domain/caseStates.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { moment, STATE_WORDS } from '../../agent/expose/words.js';
import { appendAudit } from '../../db/tables/audit.js';
import { countWorklist, listWorklist, type WorklistRow } from '../../db/views/worklist.js';
import { WORKLIST_FLAGS, WORKLIST_SORTS, type WorklistFilter } from '../../db/views/worklistFilter.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { parseDate, parseWhole } from '../dataset/common.js';
import { asTable } from '../demo/table.js';

interface Options extends Omit<WorklistFilter, 'states' | 'limit' | 'offset'> {
  readonly state?: CaseState;
  readonly limit: number;
  readonly page: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('list')
    .summary('list cases, as the worklist page does')
    .description(
      'Lists cases, the newest first: what the worklist page shows. Names of patients are not printed.',
    )
    .addOption(new Option('--state <state>', 'only in this state').choices(Object.keys(CASE_STATES)))
    .addOption(
      new Option(
        '--flag <flag>',
        'only those that the model flags, that the CT contradicts, or in doubt',
      ).choices(WORKLIST_FLAGS),
    )
    .addOption(new Option('--level <disc>', 'the disc that the flag is about').choices(LEVELS))
    .option('--find <text>', 'part of name, patient ID or accession number')
    .option('--from <date>', 'MR acquired on this day or later', parseDate)
    .option('--to <date>', 'MR acquired on this day or earlier', parseDate)
    .addOption(new Option('--sort <by>', 'what comes first').choices(WORKLIST_SORTS))
    .option('--limit <n>', 'cases of one page', parseWhole, 50)
    .option('--page <n>', 'from 0', parseWhole, 0)
    .option('--json', 'one JSON document on stdout: {cases, page, hasMore, total}, as /api/cases')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc list --state parked\n  calcidisc list --flag disagree --json',
    )
    .action((options: Options, command: Command) =>
      withDatabase(command, (opened) => run(options, opened), { logLevel: 'warn' }),
    );
}

async function run(
  { state, limit, page, json, ...rest }: Options,
  { database }: OpenedDatabase,
): Promise<void> {
  const filter = { ...rest, ...(state && { states: [state] }), limit, offset: page * limit };
  const [cases, total] = [
    await listWorklist(database.knex, filter),
    await countWorklist(database.knex, filter),
  ];
  const by = Object.keys({ ...rest, ...(state && { state }) });
  await appendAudit(database.knex, {
    event: 'CASES_QUERIED',
    subjectType: 'case',
    subjectId: 'calcidisc list',
    actor: commandActor(),
    detail: { by, found: total },
  });
  const hasMore = page * limit + cases.length < total;
  if (json) return console.log(JSON.stringify({ cases, page, hasMore, total }));
  console.log(asTable(HEADINGS, cases.map(columns)));
  console.log(`${cases.length} of ${total} cases${hasMore ? `; more: --page ${page + 1}` : ''}`);
}

const HEADINGS = ['case', 'patient ID', 'accession', 'MR', 'flagged', 'state', 'since (UTC)', 'why'];

function columns(row: WorklistRow): string[] {
  const flagged = row.flags.filter(({ calcified }) => calcified).map(({ level }) => level);
  return [
    row.id.slice(0, 8),
    row.patientId || '–',
    row.accessionNumber || '–',
    row.mrAcquisitionDate ?? '–',
    flagged.join(' ') || '–',
    STATE_WORDS[row.state],
    moment(row.stateSince),
    row.lastErrorCode ?? row.waitingFor ?? '',
  ];
}
