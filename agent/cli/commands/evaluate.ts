import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../../config/load.js';
import type { Config } from '../../../config/schema.js';
import type { ModelReference } from '../../../worker/card.js';
import { findModelFile, findModelFiles, type ModelFile, modelFoldersOf } from '../../../worker/modelFiles.js';
import { sha256 } from '../../../worker/region.js';
import { RUNTIME } from '../../../worker/session.js';
import { CalcidiscError } from '../../dicom/errors.js';
import { parseReaders } from '../../study/dataset.js';
import { type Evaluation, evaluate, nameOf, type ScoredModel } from '../../study/evaluation.js';
import { allFigures } from '../../study/figures.js';
import { type Heading, toHtmlReport, toMarkdownReport } from '../../study/page.js';
import { allTables } from '../../study/tables.js';
import { writeFigures } from '../evaluation/figureFiles.js';
import { readSet, readText, scoreModel, withEngine } from '../evaluation/score.js';
import { parseModel } from './classify.js';

export function register(program: Command): void {
  program
    .command('evaluate <dataset>')
    .description(
      'measures classifiers on labelled regions, through the very code that classifies cases, and writes the tables and ' +
        'figures of a paper: JSON, Markdown, SVG, PNG and one HTML page to print',
    )
    .option(
      '--model <name[@version]>',
      'a classifier of models/; give it several times to compare; without it, the highest version of each',
      (text: string, before: readonly ModelReference[] = []) => [...before, parseModel(text)],
    )
    .option(
      '--readers <csv>',
      'what people answered: columns reader, file, answer (calcified or not-calcified)',
    )
    .option('--out <dir>', 'where to write; without it nothing is written', undefined)
    .option('--title <text>', 'of the report', 'Evaluation of disc calcification classifiers')
    .option('--rounds <n>', 'of the bootstrap', parseRounds, 2000)
    .option('--seed <n>', 'of the bootstrap', Number, 1)
    .option('--json', 'one JSON document with everything that was computed')
    .addHelpText(
      'after',
      '\nThe data set is a folder with labels.csv and the PNG files it names (224 by 224, 8-bit grey), as `calcidisc\n' +
        'dataset export` writes it. Columns: file, patient, level, label (calcified, not-calcified, indeterminate), and\n' +
        'where they are known site, age, sex (F, M, O), bmi, hu. The reference should come from CT, never from a model,\n' +
        'and no patient may have been used to train the model; those that its card lists are looked for.\n' +
        '\nExample:\n  $ calcidisc evaluate ./export --model resnet34 --model densenet121 --out ./evaluation',
    )
    .action(run);
}

interface Options {
  readonly model?: readonly ModelReference[];
  readonly readers?: string;
  readonly out?: string;
  readonly title: string;
  readonly rounds: number;
  readonly seed: number;
  readonly json?: boolean;
}

async function run(dataset: string, options: Options, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const set = await readSet(dataset);
  const readers = options.readers ? parseReaders(await readText(options.readers), options.readers) : [];
  const files = await chosenModels(config, options.model);
  const models = await withEngine(config, async (engine) => {
    const scored: ScoredModel[] = [];
    for (const file of files)
      scored.push(
        await scoreModel(engine, file, set, (done, total) =>
          progress(`${file.card.name}: ${done} of ${total} discs`),
        ),
      );
    return scored;
  });
  const { rounds, seed } = options;
  const evaluation = evaluate(set, models, readers, { rounds, seed });
  const labelsSha256 = sha256(new TextEncoder().encode(set.labelsText));
  const heading = headingOf(options.title, evaluation, labelsSha256);
  if (options.out) await writeAll(options.out, evaluation, heading, labelsSha256);
  const answer = { runtime: RUNTIME, labelsSha256, rounds, seed, ...evaluation };
  console.log(options.json ? JSON.stringify(answer) : toMarkdownReport(heading, allTables(evaluation), []));
}

async function chosenModels(config: Config, wanted?: readonly ModelReference[]): Promise<ModelFile[]> {
  const folders = modelFoldersOf(config);
  if (wanted) return Promise.all(wanted.map((reference) => findModelFile(folders, reference)));
  const { models } = await findModelFiles(folders);
  const names = new Set(models.filter(({ card }) => card.kind === 'classifier').map(({ card }) => card.name));
  if (names.size === 0) throw new CalcidiscError('MODEL_MISSING', `no classifier in ${folders.join(' or ')}`);
  return Promise.all([...names].map((name) => findModelFile(folders, { name })));
}

function headingOf(title: string, { models, ...set }: Evaluation, labelsSha256: string): Heading {
  const simulated = models.filter((model) => model.simulated).map(nameOf);
  return {
    title,
    warnings: [
      'Research software: not a medical device.',
      ...(simulated.length > 0
        ? [
            `Trained on SIMULATED calcification over real anatomy: ${simulated.join(', ')}. No claim about patients follows.`,
          ]
        : []),
      ...models
        .filter(({ knownPatients }) => knownPatients.length > 0)
        .map(
          (model) =>
            `${nameOf(model)} was TRAINED OR TUNED ON ${model.knownPatients.length} of these patients (${model.knownPatients.join(', ')}): ` +
            'its figures mean nothing here.',
        ),
    ],
    facts: [
      [
        'Discs',
        `${set.regions} of ${set.patients} patients, ${set.calcified} calcified; ${set.indeterminate} left out as indeterminate`,
      ],
      ...models.map((model) => [nameOf(model), `SHA-256 ${model.sha256}`] as const),
      ['labels.csv', `SHA-256 ${labelsSha256}`],
      ['Run by', RUNTIME],
    ],
  };
}

async function writeAll(
  out: string,
  evaluation: Evaluation,
  heading: Heading,
  labelsSha256: string,
): Promise<void> {
  const [tables, figures] = [allTables(evaluation), allFigures(evaluation)];
  await mkdir(out, { recursive: true });
  const document = { runtime: RUNTIME, labelsSha256, ...evaluation };
  await writeFile(join(out, 'evaluation.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(out, 'evaluation.md'), toMarkdownReport(heading, tables, figures));
  await writeFile(join(out, 'evaluation.html'), toHtmlReport(heading, tables, figures));
  await writeFigures(out, figures);
  progress(`written to ${out}: evaluation.html, .md, .json and ${figures.length} figures`);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 10) return rounds;
  throw new InvalidArgumentError('It is a whole number from 10 up.');
}
