import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { loadConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { findModelFile } from '../../models/catalogue/modelFiles.js';
import { readSet } from '../../models/evaluation/score.js';
import { planOf, planOfOwn } from '../../models/study/plan.js';
import { NETWORK_NAMES, type NetworkName } from '../../models/study/published.js';
import { findPython } from '../../models/study/python.js';
import { argumentOf, RECIPES, type Recipe } from '../../models/study/recipes.js';
import { hashOf, runStage, type Stage } from '../../models/study/stages.js';
import type { OwnStudy, Study } from '../../models/study/study.js';
import { showProgress } from '../study/progress.js';

/** What prepare_spider makes of the download, where docs/evaluation.md makes it. */
const DATA = 'spider';

export function register(program: Command): void {
  program
    .command('study')
    .description(
      'the whole study in one command: trains the three networks on simulated calcification over public images, ' +
        'exports them with their cards, judges them on held-out patients through the code that classifies cases, ' +
        'and writes tables, figures and one report to print. A step that is finished is not repeated',
    )
    .addOption(
      new Option('--quick', 'minutes: a few regions, one epoch; shows that the chain works').conflicts(
        'full',
      ),
    )
    .option('--full', "the study's training (150 epochs, 224 by 224, ImageNet weights): hours on a GPU")
    .option(
      '--evaluate-only',
      'trains nothing: judges what is in models/ (or --models) and writes the report',
    )
    .option(
      '--data <dir>',
      `folder with images/ and masks/ of sagittal T2 slices (default: ${DATA} in this folder)`,
    )
    .addOption(
      new Option(
        '--dataset <dir>',
        "train on a site's own regions (calcidisc dataset export) instead of simulated ones; needs --test",
      ).conflicts(['data', 'evaluateOnly', 'models']),
    )
    .option(
      '--test <dir>',
      'with --dataset: an export of other patients; all figures of the report are of it',
    )
    .option('--simulated', 'with --dataset: its regions are of phantoms; the cards have to say so')
    .addOption(
      new Option('--networks <names>', 'separated by commas')
        .argParser(parseNetworks)
        .default(NETWORK_NAMES, NETWORK_NAMES.join(',')),
    )
    .option(
      '--out <dir>',
      'work folder: runs, models, test sets, logs (default: out/study-quick, out/study, out/study-own)',
    )
    .option('--report <dir>', 'where the report goes (default: report/ in the work folder)')
    .option('--models <dir>', 'with --evaluate-only: models/NAME/VERSION, the highest version of each counts')
    .option(
      '--runs <dir>',
      'finished runs NAME/{best.pt, history.json} of train_classifier, taken instead of training',
    )
    .option('--weights <from>', "what training starts from: 'imagenet' (by timm), 'none', or a file")
    .option('--train <arguments>', "more for train_classifier, e.g. '--size 128 --batch 32 --minutes 60'", '')
    .option('--processes <n>', 'that train together, one per GPU (torchrun)', parseCount, 1)
    .option(
      '--python <path>',
      'with PyTorch and the others; without it .venv of models/training, then python3',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ calcidisc study --quick\n  $ calcidisc study --full --processes 4\n' +
        '  $ calcidisc study --evaluate-only --report docs/study\n' +
        '  $ calcidisc study --full --dataset ./set --test ./later\n' +
        '\nWithout --dataset all calcification is SIMULATED: no figure says anything about patients.',
    )
    .action(run);
}

interface Options {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly evaluateOnly?: boolean;
  readonly data?: string;
  readonly dataset?: string;
  readonly test?: string;
  readonly simulated?: boolean;
  readonly networks: readonly NetworkName[];
  readonly out?: string;
  readonly report?: string;
  readonly models?: string;
  readonly runs?: string;
  readonly weights?: string;
  readonly train: string;
  readonly processes: number;
  readonly python?: string;
}

async function run(options: Options, command: Command): Promise<void> {
  if (!options.quick && !options.full && !options.evaluateOnly)
    command.error('study: say --quick, --full or --evaluate-only');
  if ((options.dataset === undefined) !== (options.test === undefined))
    command.error(
      'study: --dataset and --test go together: no figure should be of patients that were trained on',
    );
  const { study, steps, page } = await planned(settle(options, command), options);
  const progress = showProgress(steps, process.stderr);
  try {
    for (const step of steps) {
      const outcome = await runStage(step, study.out, progress);
      if (outcome.kind === 'unchanged') progress.unchanged(step);
      else progress.done(step, outcome.seconds);
    }
  } finally {
    progress.end();
  }
  console.log(join(study.report, page));
}

interface Planned {
  readonly study: Study;
  readonly steps: readonly Stage[];
  /** Of the report: the one to open. */
  readonly page: string;
}

async function planned(common: Common, options: Options): Promise<Planned> {
  if (options.dataset === undefined) {
    const study = await settleSimulated(common, options);
    return { study, steps: planOf(study), page: 'report.html' };
  }
  const study = await settleOwn(common, options);
  return { study, steps: planOfOwn(study), page: 'evaluation.html' };
}

type Common = ReturnType<typeof settle>;

/** What every study has, before anything is looked at. */
function settle(options: Options, command: Command) {
  const name = options.dataset ? 'study-own' : options.quick ? 'study-quick' : 'study';
  const out = resolve(options.out ?? join('out', name));
  const runs = options.runs === undefined ? null : resolve(options.runs);
  if (runs !== null && !relative(out, runs).startsWith('..'))
    throw invalid(`--runs ${runs} lies in the work folder ${out}, whose contents are made anew`);
  const recipe = recipeOf(options);
  return {
    recipe,
    command: options.evaluateOnly ? '--evaluate-only' : `--${recipe.name}`,
    out,
    report: resolve(options.report ?? join(out, 'report')),
    runs,
    processes: options.processes,
    config: loadConfig(process.env, command.optsWithGlobals().config),
  };
}

/** @throws CalcidiscError STUDY_INVALID, PYTHON_MISSING, MODEL_MISSING naming what to do about it */
async function settleSimulated(common: Common, options: Options): Promise<Study> {
  const data = resolve(options.data ?? DATA);
  for (const folder of ['images', 'masks'])
    if (!existsSync(join(data, folder)))
      throw invalid(
        `${join(data, folder)} is missing. The anatomy comes from public images that are not part of the project: sagittal T2 slices ` +
          'of SPIDER (Zenodo 10159290) with their masks, made of the download by `python3 -m calcidisc_training.spine.prepare_spider` in models/training (docs/evaluation.md). ' +
          '--data DIR says where they are',
      );
  const given = options.evaluateOnly ? await modelsGiven(options) : null;
  return {
    ...common,
    networks: given ? [...given.keys()] : options.networks,
    python: pythonFor(common, options, given === null),
    source: { kind: 'simulated', folder: data, sha256: await hashOf(data) },
    given,
  };
}

/** @throws CalcidiscError DATASET_INVALID, STUDY_INVALID, PYTHON_MISSING */
async function settleOwn(common: Common, options: Options): Promise<OwnStudy> {
  const [folder, test] = [resolve(options.dataset!), resolve(options.test!)];
  const [trainedOn, testedOn] = [await readSet(folder), await readSet(test)];
  const known = new Set(trainedOn.regions.map(({ patient }) => patient));
  const both = new Set(
    testedOn.regions.map(({ patient }) => patient).filter((patient) => known.has(patient)),
  );
  if (both.size > 0)
    throw invalid(
      `${both.size} patients are in both --dataset and --test (${[...both].slice(0, 5).join(', ')}): export them by --since and ` +
        '--until, or from another hospital, so that none is',
    );
  return {
    ...common,
    networks: options.networks,
    python: pythonFor(common, options, true),
    source: { kind: 'own', folder, sha256: await hashOf(folder) },
    given: null,
    test: { folder: test, sha256: await hashOf(test) },
    isSimulated: options.simulated ?? false,
  };
}

function pythonFor({ recipe, runs }: Common, { python }: Options, trains: boolean): string {
  const wantsTimm = trains && runs === null && argumentOf(recipe.train, '--weights') === 'imagenet';
  return findPython(python, wantsTimm ? ['timm'] : []);
}

function recipeOf({ quick, weights, train }: Options): Recipe {
  const recipe = RECIPES[quick ? 'quick' : 'full'];
  const start = weights === undefined ? [] : ['--weights', absoluteIfFile(weights)];
  return { ...recipe, train: [...recipe.train, ...start, ...train.split(/\s+/).filter(Boolean)] };
}

/** The training package runs in its own folder. */
function absoluteIfFile(weights: string): string {
  return weights === 'none' || weights === 'imagenet' ? weights : resolve(weights);
}

/** The highest version of each wanted network; those that are not there stand in the report as not trained. */
async function modelsGiven({ models, networks }: Options): Promise<Map<NetworkName, string>> {
  const root = resolve(models ?? join(projectRoot, 'models'));
  const given = new Map<NetworkName, string>();
  for (const name of networks) {
    if (!existsSync(join(root, name))) continue;
    given.set(name, join((await findModelFile([root], { name })).path, '..'));
  }
  if (given.size === 0)
    throw new CalcidiscError('MODEL_MISSING', `${root} has none of ${networks.join(', ')}`);
  return given;
}

function parseNetworks(text: string): NetworkName[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !NETWORK_NAMES.includes(name as NetworkName));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is ${NETWORK_NAMES.join(', ')}.`);
  return [...new Set(names)] as NetworkName[];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('It is a whole number from 1 up.');
}

function invalid(message: string): CalcidiscError {
  return new CalcidiscError('STUDY_INVALID', message);
}
