import { type DelongAuc, delongAuc } from '../statistics/delong.js';
import { normalTwoSided } from '../statistics/special.js';
import type { LabelledRegion } from './dataset.js';
import { nameOf, type ScoredModel } from './evaluation.js';
import type { SetComparison } from './twoSets.js';

/** One model on both sets: all their patients, or the matched ones. */
export interface SetFigures {
  readonly model: string;
  readonly which: 'all' | 'matched';
  readonly development: DelongAuc | null;
  readonly external: DelongAuc | null;
  /** Development less external. */
  readonly difference: number | null;
  /** Two-sided, of two independent areas (Hanley and McNeil, Radiology 143 (1982) 29-36). */
  readonly p: number | null;
}

/** A set as a model was run on it. */
export interface ScoredSet {
  readonly regions: readonly LabelledRegion[];
  readonly models: readonly ScoredModel[];
}

export function setFigures(
  development: ScoredSet,
  external: ScoredSet,
  { matchedFiles, matched }: Pick<SetComparison, 'matchedFiles' | 'matched'>,
): SetFigures[] {
  const files = [new Set(matchedFiles[0]), new Set(matchedFiles[1])] as const;
  return development.models.flatMap((model, i) => {
    const other = external.models[i]!;
    const all = figuresOf(nameOf(model), 'all', [
      delongAuc(scored(development.regions, model)),
      delongAuc(scored(external.regions, other)),
    ]);
    if (!matched) return [all];
    const of = (set: ScoredSet, which: 0 | 1, scores: ScoredModel) =>
      delongAuc(scored(set.regions, scores).filter(({ file }) => files[which].has(file)));
    return [all, figuresOf(nameOf(model), 'matched', [of(development, 0, model), of(external, 1, other)])];
  });
}

function scored(regions: readonly LabelledRegion[], { probabilities }: ScoredModel) {
  return regions.map(({ file, label }, i) => ({ file, label, score: probabilities[i]! }));
}

function figuresOf(
  model: string,
  which: SetFigures['which'],
  [development, external]: readonly [DelongAuc | null, DelongAuc | null],
): SetFigures {
  if (!development || !external) return { model, which, development, external, difference: null, p: null };
  const difference = development.auc - external.auc;
  const error = Math.hypot(development.standardError, external.standardError);
  return {
    model,
    which,
    development,
    external,
    difference,
    p: error > 0 ? normalTwoSided(difference / error) : null,
  };
}
