import { type Command, Option } from 'commander';
import { withdraw } from '../../agent/deliver/withdraw.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { confidenceWord } from '../../agent/domain/levelConfidence.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { nameOfCt, passedOverInWords, type WeighedCt } from '../../agent/domain/pairing.js';
import { purgedWords } from '../../agent/domain/purgedWords.js';
import { withoutPixels } from '../../agent/expose/apiRoutes.js';
import { measurementBeside } from '../../agent/expose/comparison.js';
import { candidateLines, spellingLines } from '../../agent/expose/identityWords.js';
import { purgedLines } from '../../agent/expose/purgedLines.js';
import { readerLines } from '../../agent/expose/readerWords.js';
import { asideLines, missingLines, unreadLines } from '../../agent/expose/receivedWords.js';
import {
  commitmentText,
  hounsfield,
  identityLines,
  interval,
  moment,
  PAIRING_WORDS,
  percentBeside,
  priorText,
  retryCommand,
  routeText,
  STATE_WORDS,
} from '../../agent/expose/words.js';
import { REJECTIONS, type RejectionReason } from '../../agent/report/rejectionNote.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findReport } from '../../db/tables/reports.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { findNamedCase } from '../../db/views/lookup.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { type DecisionOptions, decide, wordOf } from '../decideIdentity.js';
import { nameLevels } from '../decideLevels.js';
import { answerCell, asTable } from '../demo/table.js';
import { retry } from '../retryCase.js';

interface CaseOptions extends DecisionOptions {
  readonly json?: boolean;
  readonly report?: boolean;
  readonly retry?: string;
  readonly withdraw?: string;
  readonly because: RejectionReason;
  readonly levels?: string;
}

export function register(program: Command): void {
  program
    .command('case')
    .argument('<case>', 'its id or enough of the beginning, its accession number, or its Study Instance UID')
    .summary('print one case')
    .description(
      'Prints a case: pairing, discs, what the model and the CT say, the report, where it went, the audit trail.',
    )
    .option('--report', 'the Structured Report as a tree too')
    .option(
      '--retry <reason>',
      'a parked case goes on from the state it was parked in, and forms that a destination refused go out again; the reason goes on the audit trail',
    )
    .option(
      '--same-patient',
      'a doubt of identity: the images of the study, and CTs held back, are of one patient',
    )
    .option(
      '--not-the-patient',
      'a doubt of identity: the CT that was paired or held back is of somebody else',
    )
    .option('--release', 'a held case: go on as it stands')
    .option(
      '--levels <naming>',
      'a doubt of levels: as-drawn, or one disc as it is drawn and what it is (L5-S1=L4-L5); the others follow',
    )
    .option('--reason <text>', 'why it was decided so, for the audit trail')
    .option(
      '--withdraw <reason>',
      'take the result back: the case is closed, and everybody who was given it is told (docs/results.md)',
    )
    .addOption(
      new Option(
        '--because <kind>',
        'of --withdraw, for rejection notes: what it says is wrong (safety), it is of another patient or order (worklist), it was kept long enough (retention)',
      )
        .choices(Object.keys(REJECTIONS))
        .default('safety'),
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc case 3f2a --report\n  calcidisc case A-2024-0117\n  calcidisc case 3f2a --retry "the PACS knows our AE title now"\n' +
        '  calcidisc case 3f2a --same-patient --reason "married name, checked in the RIS"\n' +
        '  calcidisc case 3f2a --levels L5-S1=L4-L5 --reason "four lumbar-type vertebrae, counted from C2"',
    )
    .action((id: string, options: CaseOptions, command: Command) => run(id, options, command));
}

async function run(text: string, options: CaseOptions, command: Command): Promise<void> {
  await withDatabase(
    command,
    async ({ config, database }) => {
      const id = await findNamedCase(database.knex, text);
      const view = id && (await readCaseView(database.knex, id));
      if (!view)
        throw new CalcidiscError(
          'CASE_NOT_FOUND',
          `there is no case ${text}; \`calcidisc find ${text}\` looks for what has become none`,
        );
      if (options.retry !== undefined) return await retry(config, database, view.case, options.retry);
      if (options.withdraw !== undefined) return await takeBack(config, database, view, options);
      if (options.levels !== undefined)
        return await nameLevels(database, view.case, options.levels, drawnIn(view), options.reason);
      const word = wordOf(options);
      if (word) return await decide(database, view.case, word, options.reason);
      await noteLook(database, view, options);
      if (options.json) return console.log(JSON.stringify(withoutPixels(view), null, 2));
      console.log(caseText(view));
      const newest = options.report && view.reports[0];
      const report = newest && (await findReport(database.knex, view.case.id, newest.revision));
      if (!report) return;
      if (report.file) console.log(`\n${renderReport(readReport(report.file))}`);
      else if (view.purged.reports) console.log(`\n${purgedWords('reports', view.purged.reports)}`);
    },
    { logLevel: 'warn' },
  );
}

/** From above down. */
const drawnIn = ({ regions }: CaseView) =>
  LEVELS.filter((level) => regions.some((each) => each.level === level));

/** PS3.15 A.5.3, as for a page. */
function noteLook({ knex }: Database, { case: { id, revision } }: CaseView, { report }: CaseOptions) {
  const what = report ? 'case and report' : 'case';
  const detail = { revision, what, by: 'calcidisc case' };
  return appendAudit(knex, {
    event: 'CASE_VIEWED',
    subjectType: 'case',
    subjectId: id,
    actor: commandActor(),
    detail,
  });
}

async function takeBack(
  config: Config,
  { knex }: Database,
  { case: row }: CaseView,
  { withdraw: reason = '', because }: CaseOptions,
): Promise<void> {
  const actor = commandActor();
  const { told, untold } = await knex.transaction((trx) =>
    withdraw(trx, config, { caseId: row.id, reason, because, actor }),
  );
  console.log(`Case ${row.id} is withdrawn and closed.`);
  console.log(told.length > 0 ? `A running agent tells ${told.join(', ')}.` : 'There is nobody to tell.');
  if (untold.length > 0)
    console.log(
      `${untold.join(', ')} has the report and takes no word of withdrawal (rejectionNotes): delete it there.`,
    );
}

function caseText(view: CaseView): string {
  const { case: row, study, mr } = view;
  return [
    `Case ${row.id}: ${STATE_WORDS[row.state]} since ${moment(row.stateSince)} UTC, revision ${row.revision} (${row.revisionReason})`,
    ...(row.waitingFor ? [`  waits: ${row.waitingFor}`] : []),
    ...(row.closedBecause ? [`  ${row.closedBecause}`] : []),
    ...(row.lastErrorCode ? [`  ${row.lastErrorCode}: ${row.lastError}`] : []),
    ...(row.state === 'parked' ? [`  mend that, then: ${retryCommand(row.id)}`] : []),
    `Patient ID ${study.patientId || '–'}, accession number ${study.accessionNumber || '–'}`,
    ...identityLines(view.identities),
    ...spellingLines(view.identities),
    ...missingLines([view.mrSeries, view.ctSeries]),
    ...asideLines(view.aside),
    ...unreadLines(view.unread),
    `MR ${view.mrSeries.acquisitionDate ?? '–'}, ${view.mrSeries.seriesDescription}, study ${study.studyInstanceUid}`,
    ...choiceLines(view),
    pairingText(view),
    ...candidateLines(view.pairing?.candidates ?? []),
    ...view.priorFetches.map((fetch) => `Prior fetch: ${priorText(fetch)}`),
    mr
      ? `Discs: ${[mr.status, ...mr.reasons].join('; ')} (${mr.localiserName} ${mr.localiserVersion})`
      : 'Discs: not located yet',
    modelText(view),
    '',
    discTable(view),
    '',
    ...view.reports.flatMap((report) => reportLines(report, view)),
    ...view.notices.map(noticeText),
    ...readerLines(view),
    ...view.joined.flatMap(({ case: joined, mrSeries, reports }) =>
      reports.map(
        ({ revision, sopInstanceUid }) =>
          `report of revision ${revision} of the joined case ${joined.id.slice(0, 8)}, series ${mrSeries.seriesNumber ?? '–'}: ${sopInstanceUid}`,
      ),
    ),
    '',
    ...purgedLines(view),
    ...view.audit
      .toReversed()
      .map(({ at, event, actor, detail }) => `${moment(at)}  ${event}  ${actor}  ${JSON.stringify(detail)}`),
  ].join('\n');
}

function modelText({ inferences }: CaseView): string {
  const decided = inferences.find(({ role }) => role === 'active');
  if (!decided) return 'Classifier: has not answered';
  const { modelName, modelVersion, threshold } = decided;
  return `Classifier: ${modelName} ${modelVersion}, calcified from ${(100 * threshold).toFixed(1)} %`;
}

/** A report and what became of it: an earlier revision's deliveries are not the newest one's. */
function reportLines(
  { id, revision, sopInstanceUid }: CaseView['reports'][number],
  { deliveries, routes }: CaseView,
): string[] {
  const own = deliveries.filter(({ reportId }) => reportId === id);
  const route = routeText(routes.find(({ reportId }) => reportId === id));
  return [
    `Report of revision ${revision}: ${sopInstanceUid}`,
    ...(route ? [`  ${route}`] : []),
    ...(own.length === 0 && !route ? ['  it goes nowhere'] : own.map(deliveryText)),
  ];
}

function noticeText({ kind, destination, state, attempts, lastError }: CaseView['notices'][number]): string {
  const said = [
    `told ${destination} (${kind}): ${state}, ${attempts} attempt${attempts === 1 ? '' : 's'}`,
    lastError,
  ];
  return said.filter(Boolean).join(': ');
}

function choiceLines({ choice }: CaseView): string[] {
  if (!choice) return [];
  const { candidates, agreement } = choice;
  return [
    ...candidates.map(({ seriesNumber, seriesDescription, contrast, status, verdict, why }) => {
      const said = verdict === 'chosen' ? 'READ' : why;
      return `  series ${seriesNumber ?? '–'} ${seriesDescription} (${contrast}, ${status}): ${said}`;
    }),
    ...agreement.agrees.map(({ seriesInstanceUid, medianMm }) => {
      const other = candidates.find((each) => each.seriesInstanceUid === seriesInstanceUid);
      return `  the same levels in series ${other?.seriesNumber ?? '–'}, within ${medianMm} mm`;
    }),
    ...agreement.doubts.map((doubt) => `  levels in doubt: ${doubt}`),
  ];
}

function deliveryText(delivery: CaseView['deliveries'][number]): string {
  const { destination, state, attempts, lastError, forms } = delivery;
  const has = forms.length > 0 ? ` (${forms.join(', ')})` : '';
  const said = [
    `${destination}: ${state}${has}, ${attempts} attempt${attempts === 1 ? '' : 's'}`,
    lastError && (state === 'stored' ? `without what it refused, ${lastError}` : lastError),
  ];
  return [said.filter(Boolean).join(': '), commitmentText(delivery)].filter(Boolean).join('; ');
}

function pairingText({ pairing }: CaseView): string {
  if (!pairing) return 'Pairing: not done yet';
  const words = PAIRING_WORDS[pairing.outcome] ?? pairing.outcome;
  const when = pairing.intervalDays === null ? '' : `, ${interval(pairing.intervalDays)}`;
  return [`Pairing: ${words}${when}`, ...pairing.candidates.map(weighedText)].join('\n');
}

function weighedText(ct: WeighedCt): string {
  const what = ct.what ? ` (${ct.what})` : '';
  return ct.verdict === 'chosen'
    ? `  measured: CT ${nameOfCt(ct)}${what}`
    : `  not measured: CT ${passedOverInWords(ct)}${what}`;
}

function discTable(view: CaseView): string {
  const { regions, inferences } = view;
  const rows = LEVELS.map((level) => {
    const region = regions.find((each) => each.level === level);
    const decided = inferences.find((each) => each.level === level && each.role === 'active');
    const ct = measurementBeside(view, level);
    return [
      level,
      region ? confidenceWord(region.confidence) : 'not found',
      decided ? percentBeside(decided.probability, decided.threshold)[0] : '–',
      decided ? answerCell(decided.answer) : '–',
      ct?.label ?? '–',
      ct ? hounsfield(ct.meanHu) : '–',
      ct ? hounsfield(ct.maxHu) : '–',
    ];
  });
  return asTable(['disc', 'level', 'P(calcified)', 'model on MR', 'CT reference', 'CT mean', 'CT max'], rows);
}
