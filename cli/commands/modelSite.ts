import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { ANSWER_WORDS, ANSWERS } from '../../agent/domain/answers.js';
import { flagAlarm } from '../../agent/domain/flagShare.js';
import { type ModelRow, modelsAtWork, setLocalBounds } from '../../db/tables/models.js';
import { countFlagged, listToldDiscs } from '../../db/views/toldDiscs.js';
import { boundsOf } from '../../models/catalogue/localBounds.js';
import { cardOf, resolveModel } from '../../models/catalogue/registry.js';
import { type SiteFigures, siteFigures } from '../../models/evaluation/siteFigures.js';
import type { Performance, Share } from '../../models/statistics/confusion.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { parseModel } from './classify.js';

/** What a site's own studies say of a classifier, and the bounds that the site sets itself. */
export function addSiteCommands(model: Command): void {
  model
    .command('site [model]')
    .description(
      "what this site's studies say of a classifier: the share flagged, CT's verdict, a threshold they suggest",
    )
    .option(
      '--json',
      'one JSON document: {model, threshold, studies, discs, answers, flagged, againstCt, suggestion}',
    )
    .addHelpText(
      'after',
      '\nThe suggestion is never applied by itself: `calcidisc model threshold` does that, and the trail keeps who and why.\n' +
        '\nExample:\n  $ calcidisc model site\n  $ calcidisc model site densenet121@1 --json',
    )
    .action((text: string | undefined, options, command) => showSite(command, text, options));
  model
    .command('threshold <model> <threshold>')
    .description(
      'sets the threshold from which a disc is flagged at this site; "card" goes back to the one on the card',
    )
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .option('--indeterminate-from <share>', 'from here to the threshold nothing is stated', parseShare)
    .option('--json', 'one JSON document: {model, bounds}')
    .addHelpText(
      'after',
      '\nIt holds from the next case on. What was answered before keeps the threshold it was answered by, and replays.\n' +
        '\nExample:\n  $ calcidisc model threshold resnet34@2 0.93 --reason "5 % of our first 400 discs"\n' +
        '  $ calcidisc model threshold resnet34@2 card --reason "back to the card"',
    )
    .action((text: string, wanted: string, options, command) => setThreshold(command, text, wanted, options));
}

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('A number from 0 to 1.');
  return value;
}

const named = ({ name, version }: ModelRow) => `${name}@${version}`;

function showSite(command: Command, text: string | undefined, { json }: { json?: boolean }): Promise<void> {
  return withDatabase(command, async ({ config, database: { knex } }) => {
    const row = text
      ? await resolveModel(knex, parseModel(text))
      : (await modelsAtWork(knex)).find(({ state }) => state === 'active');
    if (!row) throw new InvalidArgumentError('no classifier decides: name one of `calcidisc model list`');
    const { threshold, indeterminateFrom } = cardOf(row);
    const figures = siteFigures(await listToldDiscs(knex, row.id));
    const last = await countFlagged(knex, config.report.flaggedOver);
    const alarm = last && flagAlarm(last, config.report);
    const bounds = {
      threshold,
      indeterminateFrom: indeterminateFrom ?? null,
      isLocal: row.localBounds !== null,
    };
    if (json) return console.log(JSON.stringify({ model: named(row), ...bounds, ...figures, alarm }));
    console.log(
      [
        `${named(row)}, calcified from ${threshold.toFixed(3)} (${bounds.isLocal ? "this site's own" : 'its card'})`,
        ...inWords(figures),
        ...(alarm ? [`Alarm: ${alarm}`] : []),
      ].join('\n'),
    );
  });
}

function inWords({ studies, discs, answers, flagged, againstCt, suggestion }: SiteFigures): string[] {
  const counts = ANSWERS.map((answer) => `${ANSWER_WORDS[answer].toLowerCase()} ${answers[answer]}`).join(
    ', ',
  );
  const lines = [
    `${discs} discs of ${studies} studies with certain levels: ${counts}`,
    `Flagged of those told: ${percent(flagged)}`,
    againstCt ? `Against CT: ${performance(againstCt)}` : 'Against CT: no disc that both tell',
  ];
  if ('none' in suggestion) return [...lines, `No threshold is suggested: ${suggestion.none}`];
  const { threshold, discs: ordinary, flagged: then, againstCt: measured } = suggestion;
  return [
    ...lines,
    `From ${threshold.toFixed(3)} on, ${percent(then)} of the ${ordinary} discs that no CT calls calcified would be flagged`,
    ...(measured ? [`  against CT: ${performance(measured)}`] : []),
  ];
}

function performance({ sensitivity, specificity, truePositive, falseNegative }: Performance): string {
  return `sensitivity ${percent(sensitivity)} of ${truePositive + falseNegative} calcified, specificity ${percent(specificity)}`;
}

function percent(value: Share | null): string {
  const show = (of: number) => (100 * of).toFixed(0);
  return value
    ? `${show(value.value)} % (95 % CI ${show(value.low)} to ${show(value.high)})`
    : 'none to count';
}

interface ThresholdOptions {
  readonly reason: string;
  readonly indeterminateFrom?: number;
  readonly json?: boolean;
}

function setThreshold(
  command: Command,
  text: string,
  wanted: string,
  { reason, indeterminateFrom, json }: ThresholdOptions,
): Promise<void> {
  return withDatabase(
    command,
    async ({ database: { knex } }) => {
      const row = await resolveModel(knex, parseModel(text));
      const card = cardOf({ ...row, localBounds: null });
      const bounds =
        wanted === 'card'
          ? null
          : boundsOf(
              {
                threshold: parseShare(wanted),
                ...(indeterminateFrom !== undefined && { indeterminateFrom }),
              },
              card,
            );
      const after = await setLocalBounds(knex, { id: row.id, bounds, actor: commandActor(), reason });
      const { threshold, indeterminateFrom: from } = cardOf(after);
      if (json) return console.log(JSON.stringify({ model: named(after), bounds: after.localBounds }));
      const band = from === undefined ? '' : `, indeterminate from ${from.toFixed(3)}`;
      console.log(`${named(after)}: calcified from ${threshold.toFixed(3)}${band}, from the next case on`);
    },
    { schema: 'upgrade' },
  );
}
