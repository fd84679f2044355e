import { type Command, Option } from 'commander';
import { type Exported, type ExportRequest, exportDataset } from '../../models/dataset/export.js';
import { CASE_REASONS, DISC_REASONS } from '../../models/dataset/select.js';
import { type Progress, showProgress } from '../progress.js';
import { counted, keyFileOf, parseDate, parseName, parseShare, parseWhole, withDatabase } from './common.js';

export function addExport(dataset: Command): void {
  dataset
    .command('export')
    .description(
      'writes discs with a certain level and a certain label as PNG files and one table, under pseudonyms',
    )
    .requiredOption('--out <dir>', 'a new or empty folder; it appears whole or not at all')
    .option('--site <name>', 'of this site, for the table; without it one is made from the key', parseName)
    .option('--since <date>', 'only MRs acquired on this day or later', parseDate)
    .option('--until <date>', 'only MRs acquired on this day or earlier', parseDate)
    .addOption(
      new Option(
        '--controls <how>',
        'discs without calcification: in the segment proportions of those with, or all',
      )
        .choices(['proportional', 'all'])
        .default('proportional'),
    )
    .option('--per-case <n>', 'controls for each calcified disc of the same level', parseShare, 1)
    .option('--seed <n>', 'of the draw of controls', parseWhole, 1)
    .addOption(
      new Option('--regions <whose>', 'found by the localiser, or drawn by a person (dataset import)')
        .choices(['automatic', 'reader'])
        .default('automatic'),
    )
    .addOption(
      new Option(
        '--labels <whose>',
        'from CT, or from a person; without it from the person where the regions are',
      ).choices(['ct', 'reader']),
    )
    .option('--reader <name>', 'whose regions or labels, where several people drew', parseName)
    .option(
      '--key <file>',
      'secret behind the pseudonyms; made on first use; default dataset.key in the data folder',
    )
    .option('--answers', 'add a column per model with the probability it gave')
    .option('--force', 'replace an export that is there; no other files are ever touched')
    .option('--json', 'one JSON document: {folder, sumsSha256, manifest}')
    .addHelpText('after', HELP)
    .action(run);
}

const reasons = Object.entries({ ...CASE_REASONS, ...DISC_REASONS })
  .map(([reason, meaning]) => `  ${reason.padEnd(20)}${meaning}`)
  .join('\n');

const HELP = `
The folder holds regions/*.png (the very bytes the classifier saw), labels.csv, dataset.json (what is in it, what is
not and why) and SHA256SUMS (\`sha256sum -c SHA256SUMS\`).

No identifier leaves: patients, studies and cases have pseudonyms under a secret key that stays here, ages above 89 are
one group, all dates of a patient are moved by the same number of days, so that intervals stay true. Keep the key, or
the next export calls the same people otherwise. Every export is on the audit trail before its folder appears.

Left out, and counted in dataset.json:
${reasons}

Examples:
  $ calcidisc dataset export --out ./set --site north
  $ calcidisc dataset export --out ./set --controls all --answers
  $ calcidisc dataset export --out ./drawn --regions reader --reader anna`;

interface Options
  extends Omit<ExportRequest, 'outDir' | 'keyFile' | 'labels' | 'withAnswers' | 'force' | 'actor'> {
  readonly out: string;
  readonly key?: string;
  readonly labels?: 'ct' | 'reader';
  readonly answers?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

async function run(options: Options, command: Command): Promise<void> {
  const { out, key, answers, force, json, labels, ...rest } = options;
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped; nothing was written'));
  process.once('SIGINT', onSignal);
  let progress: Progress | undefined;
  const exported = await withDatabase(command, ({ config, database, actor }) =>
    exportDataset(
      {
        config,
        database,
        signal: stop.signal,
        onProgress: (done, total) => {
          progress ??= showProgress(total, 'regions', json);
          progress.at(done);
        },
      },
      {
        ...rest,
        outDir: out,
        keyFile: keyFileOf(options, config),
        labels: labels ?? (rest.regions === 'reader' ? 'reader' : 'ct'),
        withAnswers: answers === true,
        force: force === true,
        actor,
      },
    ),
  ).finally(() => {
    progress?.end();
    process.off('SIGINT', onSignal);
  });
  console.log(json ? JSON.stringify(exported) : inWords(exported));
}

function inWords({ folder, sumsSha256, manifest }: Exported): string {
  const { counts, controls, leftOut, considered } = manifest;
  const levels = Object.entries(counts.byLevel)
    .filter(([, { calcified, notCalcified }]) => calcified + notCalcified > 0)
    .map(([level, { calcified, notCalcified }]) => `  ${level}  ${calcified} calcified, ${notCalcified} not`);
  const short = controls.how === 'proportional' ? Object.entries(controls.short) : [];
  const out = [...leftOut.cases.map(countOf('case')), ...leftOut.discs.map(countOf('disc'))];
  return [
    `${counted(counts.regions, 'region')} of ${counted(counts.patients, 'patient')} in ${folder}, ${counts.calcified} of them calcified`,
    ...levels,
    ...short.map(
      ([level, missing]) =>
        `SHORT of ${counted(missing, 'control')} at ${level}: there the proportions do not hold`,
    ),
    `left out of ${counted(considered.cases, 'case')}: ${out.join('; ') || 'nothing'}`,
    `SHA256SUMS ${sumsSha256}, as on the audit trail`,
  ].join('\n');
}

function countOf(what: string) {
  return ({ reason, count }: { readonly reason: string; readonly count: number }) =>
    `${counted(count, what)} ${reason}`;
}
