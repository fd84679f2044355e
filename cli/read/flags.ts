import type { Answer } from '../../agent/domain/answers.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { CtDisc, CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import type { ClassifierFile } from '../../models/catalogue/modelFiles.js';
import { decideSpine } from '../../worker/answer.js';
import type { Engine } from '../../worker/engine.js';

/** What is said of one level of a study. */
export interface DiscFlag {
  readonly level: Level;
  readonly flag: Answer;
  /** 0..1; null where the network was not asked. */
  readonly probability: number | null;
  /** Why nothing is stated. */
  readonly reasons: readonly string[];
  readonly ct: Pick<CtDisc, 'label' | 'meanHu' | 'maxHu'> | null;
}

/** The classifier and what runs it. */
export interface Judge {
  readonly engine: Engine;
  readonly classifier: ClassifierFile;
}

/** All five levels. Of discs whose levels nobody is sure of nothing is stated. */
export async function flagsOf(
  { result, regions }: Located<LocateResult>,
  ct: CtResult | null,
  judge: Judge,
): Promise<DiscFlag[]> {
  const pictures = regions.map(({ png, sha256 }) => ({ png, pngSha256: sha256 }));
  const spoken = await Promise.all(judge.engine.classify(judge.classifier, pictures));
  const judged = decideSpine(spoken, judge.classifier.card);
  return LEVELS.map((level) => {
    const at = regions.findIndex((region) => region.level === level);
    const disc = judged[at];
    const measured = measuredIn(result, ct, level);
    if (!disc)
      return { level, flag: 'not-assessable', probability: null, reasons: [NOT_FOUND], ct: measured };
    const { answer, reasons, probability } = disc;
    if (result.status === 'located') return { level, flag: answer, probability, reasons, ct: measured };
    const doubts = ['its level is not certain', ...result.reasons];
    return { level, flag: 'indeterminate', probability, reasons: doubts, ct: null };
  });
}

const NOT_FOUND = 'the disc was not found';

/** Levels that are sure on both sides are set against each other, as in the report. */
function measuredIn(mr: LocateResult, ct: CtResult | null, level: Level): DiscFlag['ct'] {
  if (mr.status !== 'located' || ct?.status !== 'located') return null;
  const disc = ct.discs.find((each) => each.level === level);
  return disc ? { label: disc.label, meanHu: disc.meanHu, maxHu: disc.maxHu } : null;
}
