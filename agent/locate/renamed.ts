import { LEVEL_TABLE, LEVELS, type Level } from '../domain/levels.js';
import type { Located, LocateResult } from './types.js';

/** What a person said: the disc drawn as `drawn` is `level`. */
export interface Naming {
  readonly drawn: Level;
  readonly level: Level;
  readonly decidedBy: string;
  readonly reason: string;
}

/**
 * The discs as a person named them: all are moved by as many levels as the one that was named. Those that leave the
 * lumbar spine by it are left out and counted. The levels are a fact from then on, of that person; what the
 * localiser doubted stays among the reasons.
 */
export function renamed(located: Located<LocateResult>, naming: Naming): Located<LocateResult> {
  const shift = LEVEL_TABLE[naming.level].order - LEVEL_TABLE[naming.drawn].order;
  const named = <D extends { readonly level: Level }>(drawn: readonly D[]): D[] =>
    drawn.flatMap((each) => {
      const level = LEVELS[LEVEL_TABLE[each.level].order - LEVEL_TABLE[LEVELS[0]!].order + shift];
      return level ? [{ ...each, level }] : [];
    });
  const { result, regions } = located;
  const discs = named(result.discs);
  const said = `levels set by ${naming.decidedBy}: ${wordsOf(naming)} (${naming.reason})`;
  const left = result.discs.length - discs.length;
  const reasons = [
    said,
    ...(left === 0 ? [] : [`${left} disc${left === 1 ? '' : 's'} drawn outside L1 to S1 by it, left out`]),
    ...result.reasons.map((reason) => `the localiser: ${reason}`),
  ];
  return { ...located, result: { ...result, status: 'located', reasons, discs }, regions: named(regions) };
}

function wordsOf({ drawn, level }: Naming): string {
  return drawn === level ? 'as they were drawn' : `the disc drawn as ${drawn} is ${level}, the others follow`;
}
