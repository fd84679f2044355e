import type { CarriedIdentity } from '../../db/tables/studyIdentities.js';
import { comparePersons, isOnePerson } from '../domain/identity.js';

/** What pairing keeps of how a CT's patient compares; cases of before this was kept have none. */
interface OfferedCt {
  readonly ctAcquisitionDate?: string | null;
  readonly identity?: {
    readonly differs: readonly string[];
    readonly nameDiffers: readonly string[];
    readonly decided: 'same' | 'different' | 'released' | null;
  };
}

const DECIDED = {
  same: ', decided by a person: the same patient',
  different: ', decided by a person: not the patient',
  released: '',
} as const;

/** One line for each CT whose patient is named otherwise than the MR's: in words, without the names. */
export function candidateLines(candidates: readonly unknown[]): string[] {
  const lines = (candidates as readonly OfferedCt[]).flatMap(({ ctAcquisitionDate, identity }) => {
    if (!identity) return [];
    const { differs, nameDiffers, decided } = identity;
    const other = differs.length > 0 ? `${differs.join(', ')} differ` : '';
    const spelling = nameDiffers.length > 0 ? `names written differently (${nameDiffers.join(', ')})` : '';
    const said = [other, spelling].filter(Boolean).join('; ');
    if (said === '' && decided === null) return [];
    return [
      `CT of ${ctAcquisitionDate ?? 'no date'}: ${said || 'no difference'}${decided ? DECIDED[decided] : ''}`,
    ];
  });
  return [...new Set(lines)];
}

/** How the images of one study write one person's name differently. */
export function spellingLines(identities: readonly CarriedIdentity[]): string[] {
  const [first, ...others] = identities;
  if (!first || !isOnePerson(identities)) return [];
  const how = new Set(others.flatMap((other) => comparePersons(first, other).nameDiffers));
  return how.size > 0 ? [`images of the study write the name differently (${[...how].join(', ')})`] : [];
}
