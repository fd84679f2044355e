import { LEVELS, type Level } from '../../agent/domain/levels.js';
import { seededRandom } from '../statistics/bootstrap.js';

export interface DrawnFrom {
  readonly level: Level;
  readonly isCalcified: boolean;
  /** Names the disc the same in every export: the order of drawing must not depend on the database. */
  readonly key: string;
}

export interface ControlDraw<T> {
  readonly drawn: readonly T[];
  /** Discs without calcification that there were, by level. */
  readonly available: Readonly<Record<Level, number>>;
  /** Levels with fewer controls than asked for, and how many are missing: there the proportions do not hold. */
  readonly short: Readonly<Partial<Record<Level, number>>>;
}

/**
 * Controls in the segment proportions of the cases (the study, section 2.3): at each level `perCase` discs without
 * calcification for every calcified one, drawn evenly and without replacement.
 * @param perCase 1 gives as many controls as cases; where a level has fewer, all it has
 */
export function drawControls<T extends DrawnFrom>(
  candidates: readonly T[],
  { seed, perCase }: { readonly seed: number; readonly perCase: number },
): ControlDraw<T> {
  const drawn: T[] = [];
  const available = {} as Record<Level, number>;
  const short: Partial<Record<Level, number>> = {};
  for (const [index, level] of LEVELS.entries()) {
    const here = candidates.filter((candidate) => candidate.level === level);
    const controls = here.filter(({ isCalcified }) => !isCalcified);
    const wanted = Math.round((here.length - controls.length) * perCase);
    available[level] = controls.length;
    if (controls.length < wanted) short[level] = wanted - controls.length;
    // A seed of its own for each level: a disc more at one does not change the draw at another.
    drawn.push(...shuffled(controls, seededRandom(seed * LEVELS.length + index)).slice(0, wanted));
  }
  return { drawn, available, short };
}

/** Fisher and Yates, over the order of keys. */
function shuffled<T extends DrawnFrom>(items: readonly T[], random: () => number): T[] {
  const order = items.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
