import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import sharp from 'sharp';
import { loadConfig } from '../../../config/load.js';
import { createLogger } from '../../../config/log.js';
import type { Config } from '../../../config/schema.js';
import { type ModelReference, parseClassifierCard } from '../../../worker/card.js';
import { type ClassifierFile, type Engine, openEngine } from '../../../worker/engine.js';
import { findModelFile, findModelFiles, type ModelFile, modelFoldersOf } from '../../../worker/modelFiles.js';
import { decodeRegion, sha256 } from '../../../worker/region.js';
import { RUNTIME } from '../../../worker/session.js';
import { asCalcidiscError, CalcidiscError } from '../../dicom/errors.js';
import { type LabelledRegion, parseLabels, parseReaders } from '../../study/dataset.js';
import { type Evaluation, evaluate, nameOf, type ScoredModel } from '../../study/evaluation.js';
import { allFigures } from '../../study/figures.js';
import { type Heading, toHtmlReport, toMarkdownReport } from '../../study/page.js';
import { allTables } from '../../study/tables.js';
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
  const folder = resolve(dataset);
  const labelsText = await readText(join(folder, 'labels.csv'));
  const set = parseLabels(labelsText, join(dataset, 'labels.csv'));
  const readers = options.readers ? parseReaders(await readText(options.readers), options.readers) : [];
  const models = await scoreModels(config, await chosenModels(config, options.model), folder, set.regions);
  const { rounds, seed } = options;
  const evaluation = evaluate(set, models, readers, { rounds, seed });
  const labelsSha256 = sha256(new TextEncoder().encode(labelsText));
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

async function scoreModels(
  config: Config,
  files: readonly ModelFile[],
  folder: string,
  regions: readonly LabelledRegion[],
): Promise<ScoredModel[]> {
  const engine = openEngine(config.worker, createLogger({ log: { level: 'error' } }));
  try {
    const models: ScoredModel[] = [];
    for (const file of files) models.push(await scoreModel(engine, file, folder, regions));
    return models;
  } finally {
    await engine.close();
  }
}

/** So many at once: a large set need not be in memory as a whole. */
const AT_ONCE = 256;

async function scoreModel(
  engine: Engine,
  file: ModelFile,
  folder: string,
  regions: readonly LabelledRegion[],
): Promise<ScoredModel> {
  const card = parseClassifierCard(file.card, file.path);
  const classifier: ClassifierFile = { path: file.path, sha256: card.sha256, card };
  const probabilities: number[] = [];
  for (let first = 0; first < regions.length; first += AT_ONCE) {
    const greys = await Promise.all(
      regions.slice(first, first + AT_ONCE).map((region) => readRegion(folder, region)),
    );
    const answers = await Promise.all(engine.classify(classifier, greys));
    probabilities.push(...answers.map(({ probability }) => probability));
    progress(`${card.name}: ${probabilities.length} of ${regions.length} discs`);
  }
  const { name, version, sha256: hash } = card;
  const threshold = Math.fround(card.threshold);
  return { name, version, sha256: hash, threshold, ...trainingOf(card.trainingData), probabilities };
}

function trainingOf(trainingData: unknown): Pick<ScoredModel, 'simulated' | 'trainingPatients'> {
  const { simulated, patients } = (trainingData ?? {}) as { simulated?: unknown; patients?: unknown };
  return {
    simulated: simulated === true,
    trainingPatients: Array.isArray(patients) ? patients.map(String) : [],
  };
}

async function readRegion(folder: string, { file }: LabelledRegion): Promise<Uint8Array> {
  try {
    return await decodeRegion(await readFile(join(folder, file)));
  } catch (error) {
    const { code, message } = asCalcidiscError(error);
    throw new CalcidiscError(code, `${file}: ${message}`, {}, { cause: error });
  }
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
            `${nameOf(model)} was TRAINED ON ${model.knownPatients.length} of these patients (${model.knownPatients.join(', ')}): ` +
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
  for (const { name, svg } of figures) {
    await writeFile(join(out, `${name}.svg`), svg);
    await writeFile(
      join(out, `${name}.png`),
      await sharp(Buffer.from(svg), { density: 192 }).png().toBuffer(),
    );
  }
  progress(`written to ${out}: evaluation.html, .md, .json and ${figures.length} figures`);
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CalcidiscError('DATASET_INVALID', `cannot read ${path}`, {}, { cause });
  });
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 10) return rounds;
  throw new InvalidArgumentError('It is a whole number from 10 up.');
}
