import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { version } from '../../config/version.js';
import type { Engine } from '../../worker/engine.js';
import { RUNTIME } from '../../worker/session.js';
import { type ModelFile, readModelFolder } from '../catalogue/modelFiles.js';
import { type Evaluation, evaluate, nameOf, type ScoredModel } from '../evaluation/evaluation.js';
import { writeFigures } from '../evaluation/figureFiles.js';
import { calibrationFigure, confusionFigure, type Figure, rocFigure } from '../evaluation/figures.js';
import { labelsHash } from '../evaluation/report.js';
import { type ReadSet, readSet, scoreModel, withEngine } from '../evaluation/score.js';
import { type Trained, trainingTable } from './cards.js';
import { type Heading, toHtmlReport, toMarkdownReport } from './page.js';
import { measureParity } from './parity.js';
import { NETWORK_NAMES, NETWORKS, type NetworkName, SITES, type Site, STUDY } from './published.js';
import type { Tell } from './stages.js';
import { type Study, setFolder } from './study.js';
import { NOT_COMPARABLE, type StudyEvaluations, studyTables } from './studyTables.js';

const PAGES = ['report.html', 'tables.md', 'study.json'] as const;

/** Names of everything the report consists of. */
export function reportFiles(networks: readonly NetworkName[]): string[] {
  const figures = SITES.flatMap((site) => [
    `roc-${site}`,
    `calibration-${site}`,
    ...networks.map((name) => `confusion-${site}-${name}`),
  ]);
  return [...PAGES, ...figures.flatMap((name) => [`${name}.svg`, `${name}.png`])];
}

/**
 * Runs the deployed models over both test sets as a worker would, and writes tables, figures and one page to print.
 * @throws CalcidiscError STUDY_INVALID when a test patient was trained on, or a model answers unlike PyTorch
 */
export async function writeReport(
  study: Study,
  folders: ReadonlyMap<NetworkName, string>,
  tell: Tell,
): Promise<void> {
  const files = await Promise.all([...folders.values()].map((folder) => readModelFolder(folder)));
  const sets = {
    internal: await readSet(setFolder(study, 'internal')),
    external: await readSet(setFolder(study, 'external')),
  };
  const { trained, scores } = await measure(study, files, sets, tell);
  const evaluations: StudyEvaluations = {
    internal: evaluate(sets.internal, scores.internal, [], { rounds: study.recipe.rounds }),
    external: evaluate(sets.external, scores.external, [], { rounds: study.recipe.rounds }),
  };
  for (const site of SITES) refuseKnownPatients(evaluations[site]);
  const heading = headingOf(study, files, sets);
  const tables = [...studyTables(evaluations), trainingTable(trained)];
  const figures = SITES.flatMap((site) => figuresOf(evaluations[site], site));
  await mkdir(study.report, { recursive: true });
  const parity = Object.fromEntries(trained.map(({ file, parity }) => [nameOf(file.card), parity]));
  const document = {
    what: heading.warnings,
    version,
    runtime: RUNTIME,
    recipe: study.recipe.name,
    parity,
    ...evaluations,
  };
  await writeFile(join(study.report, 'study.json'), `${JSON.stringify(document, rounded, 1)}\n`);
  await writeFile(join(study.report, 'tables.md'), toMarkdownReport(heading, tables, figures));
  await writeFile(join(study.report, 'report.html'), toHtmlReport(heading, tables, figures));
  await writeFigures(study.report, figures);
}

/** Six digits are more than any figure here is worth; the curves are drawn in the figures. */
function rounded(key: string, value: unknown): unknown {
  if (key === 'roc') return undefined;
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

interface Measured {
  readonly trained: readonly Trained[];
  readonly scores: Readonly<Record<Site, readonly ScoredModel[]>>;
}

async function measure(
  { config }: Study,
  files: readonly ModelFile[],
  sets: Readonly<Record<Site, ReadSet>>,
  tell: Tell,
): Promise<Measured> {
  const trained: Trained[] = [];
  const scores: Record<Site, ScoredModel[]> = { internal: [], external: [] };
  const runs = files.length * SITES.length;
  await withEngine(config, async (engine) => {
    for (const file of files) {
      trained.push(await parityOf(engine, file));
      for (const site of SITES) {
        const before = scores.internal.length + scores.external.length;
        const show = (done: number, total: number) =>
          tell(
            (before + done / total) / runs,
            `${file.card.name}, ${site} test, ${done} of ${total} regions`,
          );
        scores[site].push(await scoreModel(engine, file, sets[site], show));
      }
    }
  });
  return { trained, scores };
}

/** @throws CalcidiscError STUDY_INVALID when a model answers unlike PyTorch */
export async function parityOf(engine: Engine, file: ModelFile): Promise<Trained> {
  const parity = await measureParity(engine, file);
  refuseOtherAnswers(file, parity.largestDifference, parity.tolerance);
  return { file, parity };
}

function refuseOtherAnswers(file: ModelFile, difference: number, tolerance: number): void {
  if (difference <= tolerance) return;
  const text = `${nameOf(file.card)} differs from PyTorch by ${difference} in probability; allowed are ${tolerance}`;
  throw new CalcidiscError('STUDY_INVALID', text);
}

/** @throws CalcidiscError STUDY_INVALID when a test patient was trained on */
export function refuseKnownPatients({ models }: Evaluation): void {
  for (const model of models)
    if (model.knownPatients.length > 0)
      throw new CalcidiscError(
        'STUDY_INVALID',
        `${nameOf(model)} was trained or tuned on patients ${model.knownPatients.join(', ')} of the test sets`,
      );
}

function figuresOf(evaluation: Evaluation, site: Site): Figure[] {
  const figures = [
    rocFigure(evaluation),
    calibrationFigure(evaluation),
    ...evaluation.models.map((model) => ({ ...confusionFigure(model), name: `confusion-${model.name}` })),
  ];
  return figures.map(({ name, title, svg }) => {
    const [kind, ...rest] = name.split('-');
    return {
      name: [kind, site, ...rest].join('-'),
      title: `${title}, ${site} test, simulated calcification`,
      svg,
    };
  });
}

function headingOf(
  { recipe, command }: Study,
  files: readonly ModelFile[],
  sets: Readonly<Record<Site, ReadSet>>,
): Heading {
  const absent = NETWORK_NAMES.filter((name) => !files.some(({ card }) => card.name === name));
  return {
    title: 'Three networks and their study, on simulated calcification',
    warnings: [
      'Research software: not a medical device.',
      'SIMULATED calcification over real anatomy, in training and in both tests. No figure here says anything about real ' +
        'calcified discs, and none is to be compared with the study printed beside it.',
      ...(recipe.warning && files.some(({ card }) => card.version === recipe.version)
        ? [recipe.warning]
        : []),
      ...(absent.length > 0
        ? [`Not trained yet: ${absent.map((name) => NETWORKS[name].title).join(', ')}.`]
        : []),
    ],
    facts: [
      [
        'Anatomy',
        'SPIDER, van der Graaf et al., Sci Data 11:264 (2024), CC BY 4.0: sagittal T2, discs L1-L2 to L5-S1',
      ],
      ['Internal test', `${described(sets.internal)}, their own contrast`],
      [
        'External test',
        `${described(sets.external)}, other lesions, seen through another simulated scanner: another site, not other people`,
      ],
      ['The study', `${STUDY.citation}. ${NOT_COMPARABLE}`],
      ...files.map(({ card }) => [nameOf(card), `SHA-256 ${card.sha256}`] as const),
      ...SITES.map(
        (site) => [`labels.csv, ${site}`, `SHA-256 ${labelsHash(sets[site].labelsText)}`] as const,
      ),
      ['Run by', `Calcidisc ${version}, ${RUNTIME}, calcidisc study ${command}`],
    ],
  };
}

function described({ regions }: ReadSet): string {
  const patients = new Set(regions.map(({ patient }) => patient)).size;
  const calcified = regions.filter(({ label }) => label).length;
  return `${regions.length} regions of ${patients} patients held out of training, ${calcified} with simulated calcification`;
}
