import type {
  ReadingAnswer,
  ReadingItem,
  ReadingScore,
  ReadingStudy,
} from '../../db/tables/readingStudies.js';
import { type Performance, performanceOf } from '../../models/statistics/confusion.js';
import { type DelongAuc, delongAuc } from '../../models/statistics/delong.js';
import { groupBy } from '../../models/statistics/describe.js';
import { cohenKappa, type Kappa } from '../../models/statistics/kappa.js';
import { sha256 } from '../domain/hash.js';

/** A reader, what they agreed on, or a model, against the CT on the study's items. */
export interface ReadingFigures {
  readonly who: string;
  readonly kind: 'reader' | 'consensus' | 'model';
  readonly answered: number;
  readonly performance: Performance;
  /** By the confidence of a reader, or a model's probability; DeLong. */
  readonly auc: DelongAuc | null;
}

export interface ReadingResults {
  readonly figures: readonly ReadingFigures[];
  /** Each two readers on what both answered. */
  readonly agreement: readonly {
    readonly readers: readonly [string, string];
    readonly kappa: Kappa | null;
  }[];
  readonly disagreements: readonly number[];
}

/** A reader's order: by chance of the study's seed and the reader's name, and always the same. */
export function orderFor(
  { seed, items, readers }: Pick<ReadingStudy, 'seed' | 'items' | 'readers'>,
  accountId: string,
): readonly ReadingItem[] {
  const name = readers.find((each) => each.accountId === accountId)?.name ?? '';
  const lot = ({ number }: ReadingItem) => sha256(new TextEncoder().encode(`${seed}|${name}|${number}`));
  return items
    .map((item) => ({ item, lot: lot(item) }))
    .toSorted((a, b) => (a.lot < b.lot ? -1 : 1))
    .map(({ item }) => item);
}

export function answersOf(
  { answers }: Pick<ReadingStudy, 'answers'>,
  accountId: string | null,
): ReadonlyMap<number, ReadingAnswer> {
  return new Map(answers.filter((each) => each.accountId === accountId).map((each) => [each.number, each]));
}

/** Whether every reader has answered everything: only then anybody is shown what the others say. */
export function isRead({ items, readers, answers, closedAt }: ReadingStudy): boolean {
  return (
    closedAt !== null ||
    readers.every(({ accountId }) => answersOf({ answers }, accountId).size === items.length)
  );
}

/** Items on which readers differ, in order. */
export function disagreementsOf({ answers }: Pick<ReadingStudy, 'answers'>): number[] {
  const byItem = groupBy(
    answers.filter(({ accountId }) => accountId !== null),
    ({ number }) => number,
  );
  return [...byItem]
    .filter(([, own]) => new Set(own.map(({ calcified }) => calcified)).size > 1)
    .map(([number]) => number)
    .toSorted((a, b) => a - b);
}

/** From certainly not to certainly: 1 to 10. */
export function scoreOf({ calcified, confidence }: Pick<ReadingAnswer, 'calcified' | 'confidence'>): number {
  return calcified ? 5 + confidence : 6 - confidence;
}

export function readingResults(study: ReadingStudy, scores: readonly ReadingScore[]): ReadingResults {
  const truth = new Map(study.items.map(({ number, ct }) => [number, ct]));
  const readers = study.readers.map(({ accountId, name }) => ({ name, own: answersOf(study, accountId) }));
  const joint = consensusOf(study);
  const people = [
    ...readers.map(({ name, own }) => ({ who: name, kind: 'reader' as const, own })),
    ...(joint.size > 0 ? [{ who: 'Readers together', kind: 'consensus' as const, own: joint }] : []),
  ];
  const models = [...groupBy(scores, ({ model }) => model)].map(([who, own]) => {
    const said = own.map(({ number, calcified, probability }) => ({ number, calcified, score: probability }));
    return figuresOf(who, 'model', said, truth);
  });
  return {
    figures: [
      ...people.map(({ who, kind, own }) => {
        const said = [...own].map(([number, each]) => ({
          number,
          calcified: each.calcified,
          score: scoreOf(each),
        }));
        return figuresOf(who, kind, said, truth);
      }),
      ...models,
    ],
    agreement: readers.flatMap((a, i) =>
      readers.slice(i + 1).map((b) => ({
        readers: [a.name, b.name] as const,
        kappa: cohenKappa(
          [...a.own].flatMap(([number, { calcified }]) => {
            const other = b.own.get(number);
            return other ? [[calcified, other.calcified] as const] : [];
          }),
        ),
      })),
    ),
    disagreements: disagreementsOf(study),
  };
}

/** What all say alike, with their mean confidence, and the joint answer where they differ; without it the item is left out. */
function consensusOf(
  study: ReadingStudy,
): ReadonlyMap<number, Pick<ReadingAnswer, 'calcified' | 'confidence'>> {
  const joint = answersOf(study, null);
  const own = groupBy(
    study.answers.filter(({ accountId }) => accountId !== null),
    ({ number }) => number,
  );
  return new Map(
    study.items.flatMap(({ number }) => {
      const said = own.get(number) ?? [];
      const agreed = joint.get(number);
      if (agreed) return [[number, agreed] as const];
      if (
        said.length < Math.max(2, study.readers.length) ||
        new Set(said.map(({ calcified }) => calcified)).size > 1
      )
        return [];
      const confidence = said.reduce((sum, each) => sum + each.confidence, 0) / said.length;
      return [[number, { calcified: said[0]!.calcified, confidence }] as const];
    }),
  );
}

function figuresOf(
  who: string,
  kind: ReadingFigures['kind'],
  said: readonly { readonly number: number; readonly calcified: boolean | null; readonly score: number }[],
  truth: ReadonlyMap<number, boolean | null>,
): ReadingFigures {
  const judged = said.flatMap(({ number, calcified, score }) => {
    const label = truth.get(number);
    return label === null || label === undefined ? [] : [{ label, calcified, score }];
  });
  const called = judged.flatMap(({ label, calcified }) =>
    calcified === null ? [] : [{ label, calledPositive: calcified }],
  );
  return { who, kind, answered: said.length, performance: performanceOf(called), auc: delongAuc(judged) };
}
