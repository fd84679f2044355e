/** What is watched without a CT: a mean over a day's studies. Names are those of the view qa_drift. */
export const FIGURES = {
  score: { words: 'Score of the deciding model', digits: 3 },
  flagged: { words: 'Studies with a flagged disc', digits: 3 },
  unstated: { words: 'Discs of which nothing is stated', digits: 3 },
  'uncertain-levels': { words: 'Studies whose levels are in doubt', digits: 3 },
  divergence: { words: 'Deciding model apart from the shadows', digits: 3 },
  distance: { words: 'Distance from what the network learnt from', digits: 3 },
  confidence: { words: 'Confidence of the levels', digits: 3 },
  spacing: { words: 'Pixel spacing, mm', digits: 3 },
  grey: { words: 'Grey of the regions, 0 to 255', digits: 1 },
  noise: { words: 'Noise over signal in the vertebrae', digits: 3 },
  sharpness: { words: 'Sharpness of the regions', digits: 3 },
  'with-ct': { words: 'Studies with a CT', digits: 3 },
} as const satisfies Record<string, { readonly words: string; readonly digits: number }>;

export type Figure = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as Figure[];

/** How an alarm comes about. */
export const RULES = {
  'seven-days': 'outside its 95 % interval seven days running',
  average: 'its weighted average has left the base',
  'never-seen': 'never seen in the base',
} as const;

export type Rule = keyof typeof RULES;
