/** How far the discs of a series are known by name. */
export const LOCATE_STATUSES = {
  located: { meaning: 'every disc that is shown is known by its level' },
  uncertain: { meaning: 'discs were found, and their levels are no facts' },
  'not-found': { meaning: 'no lumbar disc was found' },
} as const satisfies Record<string, { readonly meaning: string }>;

export type LocateStatus = keyof typeof LOCATE_STATUSES;

/** What came of reading a series: also that its files could not be decoded. */
export type ReadingStatus = LocateStatus | 'unreadable';
