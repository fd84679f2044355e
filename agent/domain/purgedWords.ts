/** What was deleted by a policy, and by which. */
interface Purged {
  readonly purgedAt: Date;
  readonly days: number;
  readonly actor: string;
}

const THINGS = {
  regions: 'The pictures of what was read (regions, heat maps, slices)',
  reports: 'The files of the reports',
} as const;

/** In a sentence, for whoever asks for what is not here any more. */
export function purgedWords(what: keyof typeof THINGS, { purgedAt, days, actor }: Purged): string {
  const day = purgedAt.toISOString().slice(0, 10);
  return `${THINGS[what]} were deleted on ${day} by policy (retention.${what}Days: ${days} days; ${actor})`;
}

/** The beginning of the trail, which is in a file. */
export interface PurgedTrail {
  readonly file: string;
  readonly sha256: string;
  readonly through: number;
  readonly throughAt: string;
  readonly days: number;
  readonly at: Date;
}

export function purgedTrailWords({ file, sha256, through, throughAt, days, at }: PurgedTrail): string {
  return (
    `Rows of the trail to ${through} (${throughAt.slice(0, 10)}) were written to ${file} (SHA-256 ${sha256}) ` +
    `and deleted on ${at.toISOString().slice(0, 10)} by policy (retention.auditDays: ${days} days)`
  );
}
