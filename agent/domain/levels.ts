/** A coded concept (PS3.3 8.8): what it means, by which scheme. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** The five lumbar discs from above down, with their SNOMED CT codes (International 2025-02; a meaning is LO: 64). */
export const LEVELS = ['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1'] as const;

export type Level = (typeof LEVELS)[number];

export const DISC_CODES = {
  'L1-L2': {
    value: '80064006',
    scheme: 'SCT',
    meaning: 'Intervertebral disc of first and second lumbar vertebrae',
  },
  'L2-L3': {
    value: '67459009',
    scheme: 'SCT',
    meaning: 'Intervertebral disc of second and third lumbar vertebrae',
  },
  'L3-L4': {
    value: '62551000',
    scheme: 'SCT',
    meaning: 'Intervertebral disc of third and fourth lumbar vertebrae',
  },
  'L4-L5': {
    value: '84020006',
    scheme: 'SCT',
    meaning: 'Intervertebral disc of fourth and fifth lumbar vertebrae',
  },
  'L5-S1': {
    value: '715056000',
    scheme: 'SCT',
    meaning: 'Intervertebral disc of fifth lumbar and first sacral vertebrae',
  },
} as const satisfies Record<Level, Code>;

export function isLevel(value: unknown): value is Level {
  return LEVELS.includes(value as Level);
}
