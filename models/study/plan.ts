import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluationFiles } from '../evaluation/report.js';
import { compiledCodeHash, trainingCodeHash } from './codeHashes.js';
import { writeOwnReport } from './ownReport.js';
import { NETWORKS, type NetworkName, SITES, type Site } from './published.js';
import { runPython } from './python.js';
import { argumentOf } from './recipes.js';
import { reportFiles, writeReport } from './report.js';
import { hashOf, type Stage, type Tell } from './stages.js';
import { type OwnStudy, type Study, setFolder } from './study.js';
import { followTraining } from './trainingLines.js';

/** The steps from images to report, in order. */
export function planOf(study: Study): Stage[] {
  const models = study.given ?? new Map(study.networks.map((name) => [name, modelFolder(study, name)]));
  return [
    ...(study.given ? [] : study.networks.flatMap((name) => [runOf(study, name), card(study, name)])),
    ...SITES.map((site) => set(study, site)),
    report(study, models),
  ];
}

/** The steps from a site's own export to its report, in order. */
export function planOfOwn(study: OwnStudy): Stage[] {
  const models = new Map(study.networks.map((name) => [name, modelFolder(study, name)]));
  return [
    ...study.networks.flatMap((name) => [runOf(study, name), ownCard(study, name)]),
    ownReport(study, models),
  ];
}

function runOf(study: Study, name: NetworkName): Stage {
  return study.runs === null ? train(study, name) : take(study, study.runs, name);
}

function runFolder({ out }: Study, name: NetworkName): string {
  return join(out, 'runs', name);
}

function modelFolder({ out, recipe }: Study, name: NetworkName): string {
  return join(out, 'models', name, recipe.version);
}

function train(study: Study, name: NetworkName): Stage {
  const { recipe, python, source, out, processes } = study;
  const folder = runFolder(study, name);
  const launcher =
    processes > 1 ? ['-m', 'torch.distributed.run', '--nproc_per_node', String(processes), '-m'] : ['-m'];
  return {
    name: `train-${name}`,
    title: `training ${NETWORKS[name].title}`,
    weight: 60,
    inputs: async () => [recipe.train, processes, source.sha256, await trainingCodeHash('training')],
    outputs: [folder],
    resumes: true,
    run: async (tell) => {
      await mkdir(folder, { recursive: true });
      const from =
        source.kind === 'own'
          ? ['--dataset', source.folder]
          : ['--data', source.folder, '--cache', join(out, 'cache')];
      const places = [...from, '--out', folder, '--resume'];
      const args = [
        ...launcher,
        'calcidisc_training.classifier.train_classifier',
        '--network',
        name,
        ...recipe.train,
      ];
      const epochs = Number(argumentOf(recipe.train, '--epochs'));
      const log = join(out, 'logs', `train-${name}.log`);
      await runPython({ python, args: [...args, ...places], log }, followTraining(epochs, tell));
    },
  };
}

/** A run that was trained elsewhere, on another machine for example. */
function take(study: Study, runs: string, name: NetworkName): Stage {
  const files = ['best.pt', 'history.json'];
  const folder = runFolder(study, name);
  return {
    name: `train-${name}`,
    title: `taking the finished run of ${NETWORKS[name].title}`,
    weight: 1,
    inputs: () => Promise.all(files.map((file) => hashOf(join(runs, name, file)))),
    outputs: [folder],
    run: async () => {
      await mkdir(folder, { recursive: true });
      for (const file of files) await cp(join(runs, name, file), join(folder, file));
    },
  };
}

function card(study: Study, name: NetworkName): Stage {
  const { recipe, source, out } = study;
  return cardStep(
    study,
    name,
    [recipe.testRegions],
    [
      ...['calcidisc_training.classifier.classifier_card', '--regions', String(recipe.testRegions)],
      ...['--data', source.folder, '--cache', join(out, 'cache')],
    ],
  );
}

function ownCard(study: OwnStudy, name: NetworkName): Stage {
  const { source, isSimulated } = study;
  return cardStep(
    study,
    name,
    [isSimulated],
    [
      ...['calcidisc_training.classifier.dataset_card', '--dataset', source.folder],
      ...(isSimulated ? ['--simulated'] : []),
    ],
  );
}

/** @param args the module and what it needs beside run, version and place */
function cardStep(
  study: Study,
  name: NetworkName,
  also: readonly unknown[],
  [module, ...args]: readonly string[],
): Stage {
  const { recipe, python, source, out } = study;
  const folder = modelFolder(study, name);
  return {
    name: `card-${name}`,
    title: `exporting ${NETWORKS[name].title} with its card`,
    weight: 8,
    inputs: async () => [
      recipe.version,
      ...also,
      source.sha256,
      await hashOf(join(runFolder(study, name), 'best.pt')),
      await trainingCodeHash('card'),
    ],
    outputs: [folder],
    run: async () => {
      const log = join(out, 'logs', `card-${name}.log`);
      const places = ['--run', runFolder(study, name), '--out', folder, '--version', recipe.version];
      await runPython({ python, args: ['-m', module!, ...args, ...places], log }, () => undefined);
    },
  };
}

function set(study: Study, site: Site): Stage {
  const { recipe, python, source, out } = study;
  const folder = setFolder(study, site);
  return {
    name: `set-${site}`,
    title: `writing the ${site} test set`,
    weight: 4,
    inputs: async () => [recipe.testRegions, source.sha256, await trainingCodeHash('sets')],
    outputs: [folder],
    run: async () => {
      const log = join(out, 'logs', `set-${site}.log`);
      const about = ['--site', site, '--count', String(recipe.testRegions), '--workers', '2'];
      const places = ['--data', source.folder, '--out', folder, '--cache', join(out, 'cache')];
      const args = ['-m', 'calcidisc_training.sets.write_dataset', ...about, ...places];
      await runPython({ python, args, log }, () => undefined);
    },
  };
}

function report(study: Study, models: ReadonlyMap<NetworkName, string>): Stage {
  return reportStep(study, models, {
    also: async () => [
      study.networks,
      await Promise.all(SITES.map((site) => hashOf(setFolder(study, site)))),
    ],
    files: reportFiles([...models.keys()]),
    run: (tell: Tell) => writeReport(study, models, tell),
  });
}

function ownReport(study: OwnStudy, models: ReadonlyMap<NetworkName, string>): Stage {
  const { version } = study.recipe;
  return reportStep(study, models, {
    also: async () => [study.test.sha256],
    files: evaluationFiles(study.networks.map((name) => ({ name, version }))),
    run: (tell: Tell) => writeOwnReport(study, models, tell),
  });
}

interface ReportParts {
  /** What the report follows from, beside the models and the code. */
  also(): Promise<readonly unknown[]>;
  readonly files: readonly string[];
  run(tell: Tell): Promise<void>;
}

function reportStep(
  { recipe, report }: Study,
  models: ReadonlyMap<NetworkName, string>,
  { also, files, run }: ReportParts,
): Stage {
  return {
    name: 'report',
    title: 'evaluation and report',
    weight: 8,
    inputs: async () => [
      recipe.name,
      recipe.rounds,
      ...(await also()),
      await Promise.all([...models.values()].map((folder) => hashOf(folder))),
      await compiledCodeHash(),
    ],
    outputs: files.map((file) => join(report, file)),
    run,
  };
}
