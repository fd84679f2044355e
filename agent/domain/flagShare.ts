/** How many of the discs told last were flagged, by the classifier that decides. */
export interface FlagShare {
  /** 'resnet34@4' */
  readonly model: string;
  readonly told: number;
  readonly flagged: number;
}

export interface FlagRange {
  /** The share of discs that may be flagged. */
  readonly flaggedAtMost: number;
  /** How many discs, the last ones, are looked at; with fewer there is no alarm. */
  readonly flaggedOver: number;
}

/** Standard errors above the allowed share that are no chance: one false alarm in seven hundred looks. */
const BEYOND_CHANCE = 3;

/** What to say when more discs are flagged than a site allows; null while it may be chance. */
export function flagAlarm({ told, flagged, model }: FlagShare, range: FlagRange): string | null {
  const { flaggedAtMost: limit, flaggedOver } = range;
  if (told < flaggedOver) return null;
  const most = told * limit + BEYOND_CHANCE * Math.sqrt(told * limit * (1 - limit));
  if (flagged <= most) return null;
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  return `${model} flagged ${percent(flagged / told)} of the last ${told} discs it told, expected are at most ${percent(limit)}: \`calcidisc model site\` shows by how much a threshold of the site's own would change it`;
}
