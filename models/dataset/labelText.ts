import type { CtLabel } from '../../agent/domain/ctLabels.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';

/** What a person wrote beside a box, or the reason why it says nothing certain. */
export type Reading =
  | { readonly level: Level; readonly label: CtLabel | null }
  | { readonly problem: string };

/** L4-L5, l4/5, L5_S1: the letter of the lower one may be missing, not the sign between them as well. */
const LEVEL = /(?<![A-Za-z])L\s*([1-5])(?:[^0-9A-Za-z]{1,3}|(?=[LS]))([LS]?)\s*([1-5])(?![0-9])/gi;
const LABELS: readonly (readonly [RegExp, CtLabel])[] = [
  [/indetermin|uncertain|unsure|unclear|\?/i, 'indeterminate'],
  [/\b(not|no|non|without)[\s_-]*calcif|\buncalcif/i, 'not-calcified'],
  [/calcif/i, 'calcified'],
];

/** Reads level and label from name, label and description together; they may repeat each other, not disagree. */
export function readTexts(texts: readonly string[]): Reading {
  const said = texts.map((text) => JSON.stringify(text)).join(', ') || 'nothing';
  const named = texts.flatMap((text) => [...text.matchAll(LEVEL)]);
  const levels = new Set(
    named.map(([, upper, letter, lower]) => levelOf(Number(upper), letter!.toUpperCase(), Number(lower))),
  );
  const labels = new Set(
    texts.flatMap((text) => LABELS.find(([words]) => words.test(text.replaceAll('_', ' ')))?.[1] ?? []),
  );
  if (levels.size === 0)
    return { problem: `it says no level (${said}): call it for example "L4-L5 calcified"` };
  if (levels.size > 1) return { problem: `it says more than one level (${said})` };
  const [level] = levels;
  if (!level) return { problem: `it names no lumbar disc (${said}): the discs are ${LEVELS.join(', ')}` };
  if (labels.size > 1) return { problem: `it says both ${[...labels].join(' and ')} (${said})` };
  return { level, label: [...labels][0] ?? null };
}

export function namesLevel(text: string): boolean {
  return text.search(LEVEL) >= 0;
}

/** Both vertebrae have to be neighbours. L5-1 is no level: Slicer calls the only point of a box "L5" so. */
function levelOf(upper: number, letter: string, lower: number): Level | null {
  if (upper === 5) return letter === 'S' && lower === 1 ? 'L5-S1' : null;
  return letter !== 'S' && lower === upper + 1 ? LEVELS[upper - 1]! : null;
}
