import { type Command, Option } from 'commander';
import { BMI_GROUPS } from '../../agent/domain/bmiBands.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { type Agreement, agreementBy, agreementByModel } from '../../agent/quality/agreement.js';
import { RULES } from '../../agent/quality/figures.js';
import { alarmsBefore, readWatch, type WatchedAlarm } from '../../agent/quality/watch.js';
import { createReaderRole } from '../../db/server/readerRole.js';
import { appendAudit } from '../../db/tables/audit.js';
import { acknowledgeAlarm } from '../../db/tables/qualityAcknowledgements.js';
import { listJudged, type QualityFilter, readCoverage } from '../../db/views/quality.js';
import type { Share } from '../../models/statistics/confusion.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { parseDate, parseName } from '../dataset/common.js';
import { asTable } from '../demo/table.js';

export function register(program: Command): void {
  const quality = program
    .command('quality')
    .description(
      'how the models agree with the CT, and whether results or images have drifted (docs/auditors.md)',
    );
  filtered(quality.command('agreement', { isDefault: true }))
    .summary('agreement with the CT (the default)')
    .description('Sensitivity, specificity, PPV and AUC of every model against the CT, by scanner too.')
    .option('--json', 'one JSON document on stdout')
    .action((options: QualityFilter & { json?: boolean }, command: Command) =>
      withDatabase(command, (opened) => printAgreement(options, opened), { logLevel: 'warn' }),
    );
  quality
    .command('alarms')
    .summary('what the control charts found')
    .description(
      'Every figure of every scanner against its first two months: alarms, the newest first. Rules: seven days running\n' +
        'outside the 95 % interval; a weighted average that has left the base; a scanner or protocol never seen.',
    )
    .option(
      '--before <date>',
      'also count the alarms of the year before this day: how often there was one for nothing',
      parseDate,
    )
    .option('--json', 'one JSON document on stdout: {charts, unwatched, alarms, before}')
    .action((options: { before?: string; json?: boolean }, command: Command) =>
      withDatabase(command, (opened) => printAlarms(options, opened), { logLevel: 'warn' }),
    );
  quality
    .command('acknowledge <alarm>')
    .description('says why an alarm is known; the alarm is named as `quality alarms` prints it')
    .requiredOption('--reason <text>', 'in words, for the trail')
    .option('--new-base', 'what is there now is right: the chart begins again the day after')
    .action((alarm: string, options: { reason: string; newBase?: boolean }, command: Command) =>
      withDatabase(command, (opened) => acknowledge(alarm, options, opened), { logLevel: 'warn' }),
    );
  quality
    .command('reader <name>')
    .summary('make a PostgreSQL role that reads the six qa_ views and nothing else')
    .description(
      'Makes, or renews, a PostgreSQL role that may log in and read qa_result, qa_agreement, qa_turnaround, qa_drift,\n' +
        'qa_access and qa_people: no patient, no picture, no report. Its password is printed alone on standard output, this once.',
    )
    .action((name: string, _options: unknown, command: Command) =>
      withDatabase(command, (opened) => makeReader(parseName(name), opened), { logLevel: 'warn' }),
    );
}

function filtered(command: Command): Command {
  return command
    .option('--from <date>', 'MR acquired on this day or later', parseDate)
    .option('--to <date>', 'MR acquired on this day or earlier', parseDate)
    .addOption(new Option('--level <disc>', 'only this disc').choices(LEVELS))
    .option('--site <name>', 'only of this InstitutionName')
    .option('--scanner <name>', 'only of this StationName')
    .addOption(new Option('--bmi <group>', 'kg/m², of PatientSize and PatientWeight').choices(BMI_GROUPS));
}

async function printAgreement(
  { json, ...filter }: QualityFilter & { readonly json?: boolean },
  { database: { knex } }: OpenedDatabase,
): Promise<void> {
  await noteLook(knex, 'agreement');
  const [coverage, discs] = [await readCoverage(knex, filter), await listJudged(knex, filter)];
  const models = agreementByModel(discs);
  const active = discs.filter(({ role }) => role === 'active');
  const byScanner = agreementBy('Scanner', active);
  if (json) {
    const plain = models.map(({ roc: _roc, ...model }) => model);
    return console.log(JSON.stringify({ coverage, models: plain, byScanner }));
  }
  console.log(
    `${coverage.cases} cases, ${coverage.withCt} with a CT, ${coverage.discs} discs; ${coverage.uncertainLevels} with levels in doubt, ${coverage.parked} parked.`,
  );
  const line = (name: string, each: Agreement) => [name, ...agreementCells(each)];
  console.log(
    asTable(AGREEMENT_HEADINGS, [
      ...models.map((each) => line(`${each.model} (${each.role})`, each)),
      ...byScanner.map((each) => line(each.group, each)),
    ]),
  );
  console.log(
    '95 % intervals: Wilson, and DeLong for the AUC. Research software: the CT label is computed, too.',
  );
}

const AGREEMENT_HEADINGS = ['', 'discs', 'calcified', 'sensitivity', 'specificity', 'PPV', 'AUC'];

function agreementCells({ discs, calcifiedByCt, performance, auc }: Agreement): string[] {
  const interval = auc && { value: auc.auc, ...auc.interval };
  const { sensitivity, specificity, positivePredictiveValue } = performance;
  return [
    `${discs}`,
    `${calcifiedByCt}`,
    ...[sensitivity, specificity, positivePredictiveValue, interval].map(shareText),
  ];
}

function shareText(share: Share | null): string {
  return share ? `${share.value.toFixed(3)} (${share.low.toFixed(3)}-${share.high.toFixed(3)})` : '–';
}

async function printAlarms(
  { before, json }: { readonly before?: string; readonly json?: boolean },
  { database: { knex } }: OpenedDatabase,
): Promise<void> {
  await noteLook(knex, 'alarms');
  const { charts, alarms, unwatched } = await readWatch(knex);
  const earlier = before === undefined ? null : alarmsBefore(alarms, before, 365);
  if (json) {
    const year = earlier && { day: before, days: 365, alarms: earlier.length };
    return console.log(JSON.stringify({ charts: charts.length, unwatched, alarms, before: year }));
  }
  console.log(
    asTable(['day', 'scope', 'figure', 'what', 'rule', 'since', 'acknowledged'], alarms.map(alarmCells)),
  );
  console.log(`${alarms.length} alarms in ${charts.length} charts.`);
  if (unwatched.length > 0)
    console.log(`Too few studies in the first two months to watch: ${unwatched.join(', ')}.`);
  if (earlier) {
    const known = (rule: string) => earlier.filter((alarm) => alarm.rule === rule).length;
    console.log(
      `In the 365 days before ${before}: ${earlier.length} alarms (${known('seven-days')} by seven days running, ${known('average')} by the average, ${known('never-seen')} never seen).`,
    );
  }
}

function alarmCells({ day, scope, figure, what, rule, since, acknowledged }: WatchedAlarm): string[] {
  return [day, scope, figure, what, RULES[rule], since, acknowledged ? acknowledged.reason : 'no'];
}

async function acknowledge(
  id: string,
  { reason, newBase = false }: { readonly reason: string; readonly newBase?: boolean },
  { database: { knex } }: OpenedDatabase,
): Promise<void> {
  const { alarms } = await readWatch(knex);
  const alarm = alarms.find((each) => each.id === id);
  if (!alarm)
    throw new CalcidiscError(
      'ALARM_UNKNOWN',
      `there is no alarm ${id}: calcidisc quality alarms --json names them`,
    );
  await acknowledgeAlarm(knex, { alarm: id, reason, isNewBase: newBase, acknowledgedBy: commandActor() });
  console.log(`${id}: acknowledged${newBase ? ', with a new base from the day after' : ''}.`);
}

async function makeReader(name: string, { database: { knex } }: OpenedDatabase): Promise<void> {
  console.log(await createReaderRole(knex, name));
  await appendAudit(knex, {
    event: 'TOKEN_ADDED',
    subjectType: 'database role',
    subjectId: name,
    actor: commandActor(),
    detail: { reads: 'qa_ views' },
  });
}

async function noteLook(knex: OpenedDatabase['database']['knex'], what: string): Promise<void> {
  await appendAudit(knex, {
    event: 'CASES_QUERIED',
    subjectType: 'case',
    subjectId: `calcidisc quality ${what}`,
    actor: commandActor(),
  });
}
