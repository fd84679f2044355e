import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { withoutPixels } from '../../agent/expose/api.js';
import { measurementBeside } from '../../agent/expose/comparison.js';
import {
  commitmentText,
  hounsfield,
  identityLines,
  interval,
  moment,
  PAIRING_WORDS,
  percent,
  priorText,
  STATE_WORDS,
} from '../../agent/expose/words.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { unparkCase } from '../../db/tables/cases.js';
import { findReport } from '../../db/tables/reports.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { answerCell, asTable } from '../demo/table.js';

interface CaseOptions {
  readonly json?: boolean;
  readonly report?: boolean;
  readonly retry?: string;
}

export function register(program: Command): void {
  program
    .command('case')
    .argument('<id>', 'the id of the case, or enough of its beginning')
    .summary('print one case')
    .description(
      'Prints a case: pairing, discs, what the model and the CT say, the report, where it went, the audit trail.',
    )
    .option('--report', 'the Structured Report as a tree too')
    .option(
      '--retry <reason>',
      'a parked case: go on from the state it was parked in; the reason goes on the audit trail',
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc case 3f2a --report\n  calcidisc case 3f2a --retry "the PACS knows our AE title now"',
    )
    .action((id: string, options: CaseOptions, command: Command) => run(id, options, command));
}

async function run(id: string, options: CaseOptions, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const database = await openDatabase(config, createLogger({ log: { level: 'warn' } }), { migrate: false });
  try {
    const view = await readCaseView(database.knex, id);
    if (!view) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${id}`);
    if (options.retry !== undefined) return await retry(database, view, options.retry);
    if (options.json) return console.log(JSON.stringify(withoutPixels(view), null, 2));
    console.log(caseText(view));
    const newest = options.report && view.reports[0];
    const report = newest && (await findReport(database.knex, view.case.id, newest.revision));
    if (report) console.log(`\n${renderReport(readReport(report.file))}`);
  } finally {
    await database.close();
  }
}

async function retry({ knex }: Database, { case: row }: CaseView, reason: string): Promise<void> {
  const actor = `user:${userInfo().username}`;
  const again = await knex.transaction((trx) => unparkCase(trx, { id: row.id, reason, actor }));
  if (!again) throw new CalcidiscError('CASE_NOT_PARKED', `case ${row.id} is ${row.state}, not parked`);
  console.log(`Case ${row.id} goes on from ${again.state}; a running agent takes it up within seconds.`);
}

function caseText(view: CaseView): string {
  const { case: row, study, mr } = view;
  return [
    `Case ${row.id}: ${STATE_WORDS[row.state]} since ${moment(row.stateSince)} UTC, revision ${row.revision} (${row.revisionReason})`,
    ...(row.lastErrorCode ? [`  ${row.lastErrorCode}: ${row.lastError}`] : []),
    `Patient ID ${study.patientId || '–'}, accession number ${study.accessionNumber || '–'}`,
    ...identityLines(view.identities),
    `MR ${view.mrSeries.acquisitionDate ?? '–'}, ${view.mrSeries.seriesDescription}, study ${study.studyInstanceUid}`,
    pairingText(view),
    ...view.priorFetches.map((fetch) => `Prior fetch: ${priorText(fetch)}`),
    mr
      ? `Discs: ${[mr.status, ...mr.reasons].join('; ')} (${mr.localiserName} ${mr.localiserVersion})`
      : 'Discs: not located yet',
    '',
    discTable(view),
    '',
    ...view.deliveries.map(deliveryText),
    ...view.reports.map(
      ({ revision, sopInstanceUid }) => `report of revision ${revision}: ${sopInstanceUid}`,
    ),
    '',
    ...view.audit
      .toReversed()
      .map(({ at, event, actor, detail }) => `${moment(at)}  ${event}  ${actor}  ${JSON.stringify(detail)}`),
  ].join('\n');
}

function deliveryText(delivery: CaseView['deliveries'][number]): string {
  const { destination, state, attempts, lastError } = delivery;
  const said = [`${destination}: ${state}, ${attempts} attempt${attempts === 1 ? '' : 's'}`, lastError];
  return [said.filter(Boolean).join(': '), commitmentText(delivery)].filter(Boolean).join('; ');
}

function pairingText({ pairing }: CaseView): string {
  if (!pairing) return 'Pairing: not done yet';
  const words = PAIRING_WORDS[pairing.outcome] ?? pairing.outcome;
  return pairing.intervalDays === null
    ? `Pairing: ${words}`
    : `Pairing: ${words}, ${interval(pairing.intervalDays)}`;
}

function discTable(view: CaseView): string {
  const { regions, inferences } = view;
  const rows = LEVELS.map((level) => {
    const region = regions.find((each) => each.level === level);
    const decided = inferences.find((each) => each.level === level && each.role === 'active');
    const ct = measurementBeside(view, level);
    return [
      level,
      region ? percent(region.confidence) : 'not found',
      decided ? percent(decided.probability) : '–',
      decided ? answerCell(decided.answer) : '–',
      ct?.label ?? '–',
      ct ? hounsfield(ct.meanHu) : '–',
      ct ? hounsfield(ct.maxHu) : '–',
    ];
  });
  return asTable(
    ['disc', 'confidence', 'P(calcified)', 'model on MR', 'CT reference', 'CT mean', 'CT max'],
    rows,
  );
}
