import { LEVELS } from '../../agent/domain/levels.js';
import { bootstrapInterval } from '../statistics/bootstrap.js';
import { type Calibration, calibrationOf } from '../statistics/calibration.js';
import { type Performance, performanceOf } from '../statistics/confusion.js';
import { type DelongAuc, type DelongTest, delongAuc, delongTest } from '../statistics/delong.js';
import { groupBy, type Interval } from '../statistics/describe.js';
import { areaUnder, type RocPoint, rocCurve, youdenPoint } from '../statistics/roc.js';
import { type Cohort, describeCohort } from './cohort.js';
import type { LabelledRegion, LabelledSet, Reader } from './dataset.js';

/** A model as it was run on every region of the set, in its order. */
export interface ScoredModel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly threshold: number;
  /** Whether the card says that it was trained on simulated calcification. */
  readonly simulated: boolean;
  /** As the card lists them. */
  readonly trainingPatients: readonly string[];
  readonly probabilities: readonly number[];
}

export interface Slice {
  readonly name: string;
  readonly regions: number;
  readonly calcified: number;
  readonly auc: number | null;
  readonly atCardThreshold: Performance;
}

export interface ModelEvaluation extends Omit<ScoredModel, 'probabilities' | 'trainingPatients'> {
  /** Patients of this set on whom the model was trained, going by its card: then nothing here can be believed. */
  readonly knownPatients: readonly string[];
  readonly roc: readonly RocPoint[] | null;
  readonly auc: number | null;
  readonly delong: DelongAuc | null;
  /** 95%, whole patients drawn. */
  readonly bootstrap: Interval | null;
  /** At the threshold the model was deployed with: the honest figures. */
  readonly atCardThreshold: Performance;
  /** At the threshold that suits this very set best: optimistic, and what studies print. */
  readonly atYouden: { readonly threshold: number; readonly performance: Performance } | null;
  readonly calibration: Calibration;
  readonly perLevel: readonly Slice[];
  readonly perSite: readonly Slice[];
}

export interface ReaderEvaluation {
  readonly name: string;
  /** Of the regions this reader answered. */
  readonly answered: number;
  readonly performance: Performance;
}

export interface ModelComparison {
  readonly a: string;
  readonly b: string;
  readonly test: DelongTest | null;
}

export interface Evaluation {
  readonly regions: number;
  readonly indeterminate: number;
  readonly patients: number;
  readonly calcified: number;
  readonly cohort: Cohort;
  readonly models: readonly ModelEvaluation[];
  readonly readers: readonly ReaderEvaluation[];
  readonly comparisons: readonly ModelComparison[];
}

interface ScoredRegion extends LabelledRegion {
  readonly score: number;
}

export function evaluate(
  { regions, indeterminate }: LabelledSet,
  models: readonly ScoredModel[],
  readers: readonly Reader[],
  { rounds = 2000, seed = 1 } = {},
): Evaluation {
  return {
    regions: regions.length,
    indeterminate,
    patients: new Set(regions.map(({ patient }) => patient)).size,
    calcified: regions.filter(({ label }) => label).length,
    cohort: describeCohort(regions),
    models: models.map((model) => evaluateModel(model, regions, { rounds, seed })),
    readers: readers.map((reader) => evaluateReader(reader, regions)),
    comparisons: models.flatMap((a, i) =>
      models.slice(i + 1).map((b) => ({
        a: nameOf(a),
        b: nameOf(b),
        test: delongTest(scored(a, regions), scored(b, regions)),
      })),
    ),
  };
}

export function nameOf({ name, version }: Pick<ScoredModel, 'name' | 'version'>): string {
  return `${name}@${version}`;
}

function scored({ probabilities }: ScoredModel, regions: readonly LabelledRegion[]): ScoredRegion[] {
  return regions.map((region, i) => ({ ...region, score: probabilities[i]! }));
}

function evaluateModel(
  model: ScoredModel,
  regions: readonly LabelledRegion[],
  options: { rounds: number; seed: number },
): ModelEvaluation {
  const { probabilities: _, trainingPatients, ...identity } = model;
  const patients = new Set(regions.map(({ patient }) => patient));
  const answers = scored(model, regions);
  const roc = rocCurve(answers);
  const slices = (groups: ReadonlyMap<string, ScoredRegion[]>) =>
    [...groups].map(([name, members]) => sliceOf(name, members, model.threshold));
  const levels = groupBy(answers, ({ level }) => level as string);
  const sites = groupBy(answers, ({ site }) => site);
  return {
    ...identity,
    knownPatients: trainingPatients.filter((patient) => patients.has(patient)),
    roc,
    auc: roc && areaUnder(roc),
    delong: delongAuc(answers),
    bootstrap: bootstrapInterval(answers, ({ patient }) => patient, aucOf, options),
    atCardThreshold: at(model.threshold, answers),
    atYouden: roc && youden(roc, answers),
    calibration: calibrationOf(answers),
    perLevel: slices(
      new Map(LEVELS.flatMap((level) => (levels.has(level) ? [[level, levels.get(level)!]] : []))),
    ),
    perSite: slices(new Map([...sites].sort(([a], [b]) => a.localeCompare(b)))),
  };
}

function aucOf(answers: readonly ScoredRegion[]): number | null {
  const roc = rocCurve(answers);
  return roc && areaUnder(roc);
}

function at(threshold: number, answers: readonly ScoredRegion[]): Performance {
  return performanceOf(answers.map(({ label, score }) => ({ label, calledPositive: score >= threshold })));
}

function youden(roc: readonly RocPoint[], answers: readonly ScoredRegion[]) {
  const { threshold } = youdenPoint(roc);
  // Nothing is called positive at infinity: then no threshold is better than none.
  return Number.isFinite(threshold) ? { threshold, performance: at(threshold, answers) } : null;
}

function sliceOf(name: string, members: readonly ScoredRegion[], threshold: number): Slice {
  return {
    name,
    regions: members.length,
    calcified: members.filter(({ label }) => label).length,
    auc: aucOf(members),
    atCardThreshold: at(threshold, members),
  };
}

function evaluateReader({ name, answers }: Reader, regions: readonly LabelledRegion[]): ReaderEvaluation {
  const answered = regions.filter(({ file }) => answers.has(file));
  const called = answered.map(({ file, label }) => ({ label, calledPositive: answers.get(file)! }));
  return { name, answered: answered.length, performance: performanceOf(called) };
}
