import { type Code, sct } from './code.js';

/** The lumbar discs: their order from above down, and their SNOMED CT codes (International 2025-02). */
export const LEVEL_TABLE = {
  'L1-L2': { order: 1, code: sct('80064006', 'Intervertebral disc of first and second lumbar vertebrae') },
  'L2-L3': { order: 2, code: sct('67459009', 'Intervertebral disc of second and third lumbar vertebrae') },
  'L3-L4': { order: 3, code: sct('62551000', 'Intervertebral disc of third and fourth lumbar vertebrae') },
  'L4-L5': { order: 4, code: sct('84020006', 'Intervertebral disc of fourth and fifth lumbar vertebrae') },
  'L5-S1': {
    order: 5,
    code: sct('715056000', 'Intervertebral disc of fifth lumbar and first sacral vertebrae'),
  },
} as const satisfies Record<string, { readonly order: number; readonly code: Code }>;

export type Level = keyof typeof LEVEL_TABLE;

/** From above down. */
export const LEVELS: readonly Level[] = (Object.keys(LEVEL_TABLE) as Level[]).sort(
  (a, b) => LEVEL_TABLE[a].order - LEVEL_TABLE[b].order,
);

export function isLevel(value: unknown): value is Level {
  return LEVELS.includes(value as Level);
}

/** Sorts what has a level from above down. */
export function byLevel(a: { readonly level: Level }, b: { readonly level: Level }): number {
  return LEVEL_TABLE[a.level].order - LEVEL_TABLE[b.level].order;
}
