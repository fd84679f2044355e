import type { ObjectAsideRow } from '../../db/tables/objectsAside.js';
import type { SeriesRow } from '../../db/tables/series.js';
import type { UnreadCount } from '../../db/tables/unreadObjects.js';
import { sopClassName } from '../dicom/storageClasses.js';

/** One line for each sender and reason. */
export function asideLines(aside: readonly ObjectAsideRow[]): string[] {
  const counts = new Map<string, number>();
  for (const { callingAe, reason } of aside) {
    const key = `from ${callingAe}: ${reason}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([what, count]) => `${count} ${what}; the first stay, these lie in spool/aside`);
}

/** What a study holds beside images. */
export function unreadLines(unread: readonly UnreadCount[]): string[] {
  return unread.map(({ sopClassUid, objects, dropped }) => {
    const gone = dropped > 0 ? `, ${dropped} of them no longer kept` : '';
    return `${objects} of ${sopClassName(sopClassUid)}${gone}`;
  });
}

/** Series that silence completed though their own headers say that more was to come. */
export function missingLines(series: readonly (Pick<SeriesRow, 'modality' | 'missing'> | null)[]): string[] {
  return series.flatMap((each) =>
    each && each.missing !== ''
      ? [
          `${each.modality}: no more images came, and ${each.missing.replace(/^(?!by its )/, 'by its headers ')}`,
        ]
      : [],
  );
}
