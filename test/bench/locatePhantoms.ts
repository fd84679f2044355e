import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import cliProgress from 'cli-progress';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { Locator } from '../../agent/locate/pool.js';
import type { CtResult, Located } from '../../agent/locate/types.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { type Score, type Summary, scoreOf, summarise } from './locateScore.js';
import { thickCt } from './locateThick.js';
import { filesIn, type TrueSeries } from './locateTruth.js';
import { sweepSettings } from './phantomSettings.js';

const THICK_MM = 5;
const INPUTS = ['MR', 'CT 1 mm', 'CT 5 mm'] as const;
type Input = (typeof INPUTS)[number];

/** What one phantom gave: a line of the results file. */
export interface PhantomRow {
  readonly seed: number;
  readonly localiser: string;
  readonly scores: Readonly<Record<Input, Score>>;
  /** Per level drawn: calcified or not, and what each CT says; null where the disc was not reported. */
  readonly labels: readonly {
    readonly level: Level;
    readonly calcified: boolean;
    readonly thin: CtLabel | null;
    readonly thick: CtLabel | null;
  }[];
}

export interface Sweep {
  readonly from: number;
  readonly count: number;
  readonly marginMm: number;
  /** Rows are appended as they come, and seeds that stand there already are not drawn again. */
  readonly results: string | null;
}

/** Draws, locates and scores phantoms of neighbouring seeds; progress goes to the standard error. */
export async function sweepPhantoms(locator: Locator, sweep: Sweep): Promise<readonly PhantomRow[]> {
  const seeds = Array.from({ length: sweep.count }, (_, i) => sweep.from + i);
  const rows = new Map((await rowsIn(sweep.results)).map((row) => [row.seed, row]));
  const bar = new cliProgress.SingleBar({
    format: 'phantoms [{bar}] {value}/{total} | seed {seed} | {eta_formatted} left',
    stream: process.stderr,
  });
  bar.start(seeds.length, seeds.filter((seed) => rows.has(seed)).length, { seed: '-' });
  for (const seed of seeds) {
    if (rows.has(seed)) continue;
    const row = await phantomRow(locator, seed, sweep.marginMm);
    rows.set(seed, row);
    if (sweep.results) await appendFile(sweep.results, `${JSON.stringify(row)}\n`);
    bar.increment({ seed });
  }
  bar.stop();
  return seeds.map((seed) => rows.get(seed)!);
}

async function rowsIn(path: string | null): Promise<readonly PhantomRow[]> {
  if (path === null) return [];
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as PhantomRow);
}

async function phantomRow(locator: Locator, seed: number, marginMm: number): Promise<PhantomRow> {
  const folder = await mkdtemp(join(tmpdir(), 'calcidisc-bench-phantom-'));
  const drawn: string[] = [folder];
  try {
    const truth = await writePhantom({ ...sweepSettings(seed), outDir: folder });
    const mr = await locator.locateMr(filesIn(join(folder, 'mr')));
    const thinFiles = filesIn(join(folder, 'ct'));
    const thin = await locator.measureCt(thinFiles);
    const thickFiles = await thickCt(thinFiles, THICK_MM);
    drawn.push(thickFiles.folder);
    const thick = await locator.measureCt(thickFiles.files);
    const name = String(seed);
    return {
      seed,
      localiser: `${mr.localiser.name} ${mr.localiser.version}`,
      scores: {
        MR: scoreOf(name, mrTruth(truth, folder), mr, marginMm),
        'CT 1 mm': scoreOf(name, ctTruth(truth, folder), thin, marginMm),
        'CT 5 mm': scoreOf(name, ctTruth(truth, folder), thick, marginMm),
      },
      labels: LEVELS.map((level) => ({
        level,
        calcified: truth.ct.discs[level].calcified,
        thin: labelOf(thin, level),
        thick: labelOf(thick, level),
      })),
    };
  } finally {
    for (const each of drawn) await rm(each, { recursive: true, force: true });
  }
}

function labelOf({ result }: Located<CtResult>, level: Level): CtLabel | null {
  return result.discs.find((disc) => disc.level === level)?.label ?? null;
}

function mrTruth({ mr }: PhantomTruth, folder: string): TrueSeries {
  const discs = mr.slices.map(
    (slice) =>
      [
        slice.sopInstanceUid,
        Object.entries(slice.discs).map(([level, disc]) => ({ level: level as Level, ...disc })),
      ] as const,
  );
  return { folder, files: [], modality: 'MR', discs: new Map(discs) };
}

function ctTruth({ ct }: PhantomTruth, folder: string): TrueSeries {
  const discs = LEVELS.map((level) => ({
    level,
    centrePatientMm: ct.discs[level].centrePatientMm,
    boxPixel: null,
  }));
  return { folder, files: [], modality: 'CT', discs: new Map([['', discs]]) };
}

/** How the labels of one kind of CT came out. Indeterminate and unreported discs are counted against neither. */
export interface LabelSummary {
  readonly calcified: number;
  readonly truePositive: number;
  readonly falseNegative: number;
  readonly free: number;
  readonly trueNegative: number;
  readonly falsePositive: number;
  readonly indeterminate: number;
  readonly unreported: number;
  /** Of all calcified and of all other discs: what is indeterminate or unreported counts as not told. */
  readonly sensitivity: number;
  readonly specificity: number;
  /** Of those with a label of one kind or the other. */
  readonly sensitivityTold: number;
  readonly specificityTold: number;
}

export function summariseLabels(rows: readonly PhantomRow[], of: 'thin' | 'thick'): LabelSummary {
  const discs = rows.flatMap(({ labels }) => labels);
  const count = (calcified: boolean, label: CtLabel | null) =>
    discs.filter((disc) => disc.calcified === calcified && disc[of] === label).length;
  const calcified = discs.filter((disc) => disc.calcified).length;
  const free = discs.length - calcified;
  const [truePositive, falseNegative] = [count(true, 'calcified'), count(true, 'not-calcified')];
  const [trueNegative, falsePositive] = [count(false, 'not-calcified'), count(false, 'calcified')];
  return {
    calcified,
    truePositive,
    falseNegative,
    free,
    trueNegative,
    falsePositive,
    indeterminate: count(true, 'indeterminate') + count(false, 'indeterminate'),
    unreported: count(true, null) + count(false, null),
    sensitivity: truePositive / calcified,
    specificity: trueNegative / free,
    sensitivityTold: truePositive / (truePositive + falseNegative),
    specificityTold: trueNegative / (trueNegative + falsePositive),
  };
}

export interface SweepSummary {
  readonly seeds: readonly [first: number, last: number];
  readonly localiser: string;
  readonly levels: Readonly<Record<Input, Summary & { readonly levelAccuracy: number }>>;
  readonly labels: { readonly 'CT 1 mm': LabelSummary; readonly 'CT 5 mm': LabelSummary };
}

export function summariseSweep(rows: readonly PhantomRow[]): SweepSummary {
  const levels = Object.fromEntries(
    INPUTS.map((input) => {
      const summary = summarise(rows.map(({ scores }) => scores[input]));
      return [input, { ...summary, levelAccuracy: summary.right / (summary.right + summary.wrong) }];
    }),
  ) as SweepSummary['levels'];
  return {
    seeds: [rows[0]!.seed, rows.at(-1)!.seed],
    localiser: rows[0]!.localiser,
    levels,
    labels: { 'CT 1 mm': summariseLabels(rows, 'thin'), 'CT 5 mm': summariseLabels(rows, 'thick') },
  };
}

const LEVEL_HEAD =
  '| input | phantoms | located | uncertain | not found | located and wrong | discs | right | wrong | missed | level right % | centre median mm | p95 mm |';
const LABEL_HEAD =
  '| CT labels | calcified | found | missed | other discs | right | wrong | indeterminate | unreported | sensitivity | specificity | sensitivity of the told | specificity of the told |';

export function sweepTable({ seeds, localiser, levels, labels }: SweepSummary): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  const rule = (head: string) => `|${'---|'.repeat(head.split('|').length - 2)}`;
  const levelRows = INPUTS.map((input) => {
    const s = levels[input];
    const cells = [
      s.series,
      s.located,
      s.uncertain,
      s.notFound,
      s.wrongAndLocated,
      s.present,
      s.right,
      s.wrong,
    ];
    return `| ${[input, ...cells, s.missed, percent(s.levelAccuracy), s.medianMm.toFixed(2), s.p95Mm.toFixed(2)].join(' | ')} |`;
  });
  const labelRows = Object.entries(labels).map(([input, s]) => {
    const counts = [s.calcified, s.truePositive, s.falseNegative, s.free, s.trueNegative, s.falsePositive];
    const shares = [s.sensitivity, s.specificity, s.sensitivityTold, s.specificityTold];
    return `| ${[input, ...counts, s.indeterminate, s.unreported, ...shares.map((v) => v.toFixed(4))].join(' | ')} |`;
  });
  return [
    `Phantoms of seeds ${seeds[0]} to ${seeds[1]}, ${localiser}.`,
    '',
    LEVEL_HEAD,
    rule(LEVEL_HEAD),
    ...levelRows,
    '',
    LABEL_HEAD,
    rule(LABEL_HEAD),
    ...labelRows,
    '',
  ].join('\n');
}

/** Which phantoms did not come out, for the one who looks for the reason. */
export function flawsOf(rows: readonly PhantomRow[]): readonly string[] {
  return rows.flatMap(({ seed, scores, labels }) => [
    ...INPUTS.flatMap((input) => {
      const { status, wrong, missed, reasons } = scores[input];
      const isFine = status === 'located' && wrong.length === 0 && missed.length === 0;
      return isFine
        ? []
        : [`${seed} ${input}: ${status}, wrong [${wrong}], missed [${missed}], ${reasons.join('; ')}`];
    }),
    ...labels.flatMap(({ level, calcified, thin, thick }) => {
      const right = calcified ? 'calcified' : 'not-calcified';
      return thin === right && thick === right
        ? []
        : [`${seed} ${level} is ${right}: at 1 mm ${thin}, at ${THICK_MM} mm ${thick}`];
    }),
  ]);
}

export async function writeSweep(path: string, rows: readonly PhantomRow[]): Promise<void> {
  await writeFile(path, `${JSON.stringify({ ...summariseSweep(rows), flaws: flawsOf(rows) }, null, 1)}\n`);
}
