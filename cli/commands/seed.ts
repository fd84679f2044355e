import type { Command } from 'commander';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { parseDate, parseWhole } from '../dataset/common.js';
import { seedDatabase } from '../seed/seed.js';

interface Options {
  readonly studies: number;
  readonly seed: number;
  readonly until?: string;
  readonly reports?: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('seed')
    .summary('fill a database of its own with two years of invented studies')
    .description(
      'Writes invented studies straight into the tables, all in the state they would end in: two years, three sites,\n' +
        'six scanners, CT labels, the scores of every classifier, written reports, verdicts, and who looked (on the trail,\n' +
        'at their invented times). Built in are a drift of scores on one scanner, blurred pictures on another, a bad scanner and one that is\n' +
        'new in the second year: the quality page and `calcidisc quality` have to find them. No image, no network is run, nothing is sent.\n' +
        'A database that has studies is refused.',
    )
    .option('--studies <n>', 'how many', parseWhole, 20_000)
    .option('--seed <n>', 'which ones: the same number, the same studies', parseWhole, 1)
    .option('--until <date>', 'the last of the 730 days (else yesterday)', parseDate)
    .option(
      '--reports <n>',
      'only so many of the newest get a report of their own; the others share one (quicker)',
      parseWhole,
    )
    .option('--json', 'one JSON document on stdout: what was built in')
    .addHelpText(
      'after',
      '\nExample:\n  export CALCIDISC_DATA=./seeded\n  calcidisc seed --studies 20000\n  calcidisc quality\n  calcidisc up',
    )
    .action((options: Options, command: Command) =>
      withDatabase(command, (opened) => run(options, opened), {
        schema: 'upgrade',
        makes: true,
        logLevel: 'warn',
      }),
    );
}

async function run(
  { studies, seed, until, reports, json }: Options,
  { config, database, log }: OpenedDatabase,
): Promise<void> {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const began = Date.now();
  let said = began;
  const truth = await seedDatabase(database.knex, config, log, {
    studies,
    seed,
    until: until ?? yesterday,
    reports: reports ?? studies,
    people: true,
    actor: commandActor(),
    progress: (done) => {
      if (Date.now() - said < 2000) return;
      said = Date.now();
      process.stderr.write(`${done} of ${studies} studies\n`);
    },
  });
  if (json) return console.log(JSON.stringify(truth));
  const { days, discs, calcifiedDiscs, drift, blur, badScanner, newScanner, scanners } = truth;
  console.log(
    [
      `${truth.studies} studies from ${days[0]} to ${days[1]}: ${discs} discs, ${calcifiedDiscs} calcified by CT's truth.`,
      ...scanners.map(
        (each) => `  ${each.scanner} (${each.site}): ${each.studies} studies from ${each.from}`,
      ),
      `Built in: from ${drift.from} on ${drift.scanner} ${drift.what};`,
      `  from ${blur.from} on ${blur.scanner} ${blur.what};`,
      `  ${badScanner} is bad from the first day; ${newScanner.scanner} is new on ${newScanner.from}.`,
      `Written in ${((Date.now() - began) / 1000).toFixed(0)} s.`,
    ].join('\n'),
  );
}
