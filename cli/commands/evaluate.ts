import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { ModelReference } from '../../models/catalogue/card.js';
import {
  findModelFile,
  findModelFiles,
  type ModelFile,
  modelFoldersOf,
} from '../../models/catalogue/modelFiles.js';
import { parseReaders, type Reader } from '../../models/evaluation/dataset.js';
import { evaluate, type ScoredModel } from '../../models/evaluation/evaluation.js';
import { headingOf, labelsHash, writeEvaluation } from '../../models/evaluation/report.js';
import { type ReadSet, readSet, readText, scoreModel, withEngine } from '../../models/evaluation/score.js';
import { setFigures } from '../../models/evaluation/setFigures.js';
import { compareSets } from '../../models/evaluation/twoSets.js';
import { toMarkdownReport } from '../../models/study/page.js';
import { setTables } from '../../models/study/setTables.js';
import { allTables } from '../../models/study/tables.js';
import type { Engine } from '../../worker/engine.js';
import { RUNTIME } from '../../worker/session.js';
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
    .option(
      '--external <dir>',
      'a second data set, of other patients: Table 1 by set, propensity matching of the two on age, sex and BMI, the models on both',
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
  readonly external?: string;
  readonly out?: string;
  readonly title: string;
  readonly rounds: number;
  readonly seed: number;
  readonly json?: boolean;
}

async function run(dataset: string, options: Options, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const set = await readSet(dataset);
  const readers = options.readers
    ? readersOf(set, parseReaders(await readText(options.readers), options.readers), options.readers)
    : [];
  const files = await chosenModels(config, options.model);
  const external = options.external === undefined ? null : await readSet(options.external);
  const [models, elsewhere] = await withEngine(config, async (engine) => [
    await scoreAll(engine, files, set),
    external && (await scoreAll(engine, files, external)),
  ]);
  const { rounds, seed } = options;
  const evaluation = evaluate(set, models, readers, { rounds, seed });
  const labelsSha256 = labelsHash(set.labelsText);
  const heading = headingOf(options.title, evaluation, labelsSha256);
  const sets = external && elsewhere ? setsOf(set, models, external, elsewhere) : null;
  const more = sets ? setTables(sets.comparison, sets.figures) : [];
  if (options.out) {
    const figures = await writeEvaluation(options.out, evaluation, heading, labelsSha256, { more, sets });
    progress(`written to ${options.out}: evaluation.html, .md, .json and ${figures} figures`);
  }
  const answer = { runtime: RUNTIME, labelsSha256, rounds, seed, ...evaluation, ...(sets && { sets }) };
  console.log(
    options.json
      ? JSON.stringify(answer)
      : toMarkdownReport(heading, [...allTables(evaluation), ...more], []),
  );
}

async function scoreAll(engine: Engine, files: readonly ModelFile[], set: ReadSet): Promise<ScoredModel[]> {
  const scored: ScoredModel[] = [];
  for (const file of files)
    scored.push(
      await scoreModel(engine, file, set, (done, total) =>
        progress(`${file.card.name}: ${done} of ${total} discs`),
      ),
    );
  return scored;
}

function setsOf(
  set: ReadSet,
  models: readonly ScoredModel[],
  external: ReadSet,
  elsewhere: readonly ScoredModel[],
) {
  const comparison = compareSets(set.regions, external.regions);
  const figures = setFigures(
    { regions: set.regions, models },
    { regions: external.regions, models: elsewhere },
    comparison,
  );
  return { externalSha256: labelsHash(external.labelsText), comparison, figures };
}

/** @throws CalcidiscError DATASET_INVALID for answers about files that the set does not have: a wrong set, or a typing error */
function readersOf(set: Awaited<ReturnType<typeof readSet>>, readers: readonly Reader[], where: string) {
  // Rows without an answer of their own (indeterminate) are no regions, and in the set all the same.
  const listed = set.labelsText.split(/[\r\n,]+/).map((cell) => cell.replace(/^"|"$/g, ''));
  const known = new Set([...set.regions.map(({ file }) => file), ...listed]);
  const strange = new Set(
    readers.flatMap(({ answers }) => [...answers.keys()]).filter((file) => !known.has(file)),
  );
  if (strange.size === 0) return readers;
  const some = [...strange].slice(0, 5).join(', ');
  throw new CalcidiscError(
    'DATASET_INVALID',
    `${where} answers for ${strange.size} files that are not in the data set: ${some}`,
  );
}

async function chosenModels(config: Config, wanted?: readonly ModelReference[]): Promise<ModelFile[]> {
  const folders = modelFoldersOf(config);
  if (wanted) return Promise.all(wanted.map((reference) => findModelFile(folders, reference)));
  const { models } = await findModelFiles(folders);
  const names = new Set(models.filter(({ card }) => card.kind === 'classifier').map(({ card }) => card.name));
  if (names.size === 0) throw new CalcidiscError('MODEL_MISSING', `no classifier in ${folders.join(' or ')}`);
  return Promise.all([...names].map((name) => findModelFile(folders, { name })));
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 10) return rounds;
  throw new InvalidArgumentError('It is a whole number from 10 up.');
}
