import { nameOfCt, passedOverInWords } from '../domain/pairing.js';
import type { ReportInput } from './types.js';

/** Why there is no CT, by the pairing's outcome. */
const UNPAIRED: Readonly<Record<string, string>> = {
  'no-ct': 'no CT of this patient that is taken for one of the lumbar spine has been received',
  'none-serves': 'no CT of this patient within the window can serve as the reference',
  'outside-window': 'every CT of this patient lies outside the window',
  unreadable: 'the CT of this patient within the window cannot be read',
  'no-date': 'an acquisition date is missing',
  'no-patient-id': 'the MR carries no patient ID',
  'identity-differs': 'a CT under the same patient ID belongs to somebody else by its other identifiers',
};

/** Which CT was measured and what it is, and every other with the reason why not. */
export function pairingStatements(input: ReportInput): string[] {
  const { candidates } = input.pairing;
  const others = candidates.filter(({ verdict }) => verdict !== 'chosen').map(passedOverInWords);
  return [
    pairingStatement(input),
    ...(others.length > 0 ? [`CT series that were not measured: ${others.join('; ')}.`] : []),
  ];
}

function pairingStatement({ pairing, ct, localisation, ctLocalisation }: ReportInput): string {
  const { outcome, intervalDays, windowDays, candidates } = pairing;
  if (ct === null || intervalDays === null)
    return `Not paired with a CT within ${windowDays} days: ${UNPAIRED[outcome] ?? outcome}.`;
  const days = Math.abs(intervalDays);
  const when =
    days === 0
      ? 'of the same day'
      : `${days} day${days === 1 ? '' : 's'} ${intervalDays > 0 ? 'after' : 'before'} the MR`;
  const chosen = candidates.find(({ verdict }) => verdict === 'chosen');
  const which = chosen?.what ? `: ${nameOfCt(chosen)}, ${chosen.what}` : '';
  return `Paired with a CT ${when}${which}.${ctDoubt(localisation, ctLocalisation)}`;
}

function ctDoubt(mr: ReportInput['localisation'], ct: ReportInput['ctLocalisation']): string {
  if (ct === null) return '';
  const why = ct.reasons.length > 0 ? ` (${ct.reasons.join('; ')})` : '';
  if (ct.status === 'not-found') return ` No disc was found on the CT${why}.`;
  if (ct.status === 'uncertain')
    return ` The levels on the CT are uncertain${why}, so its values are not set against the MR's discs.`;
  const said = ct.reasons.length > 0 ? ` To be known of the CT: ${ct.reasons.join('; ')}.` : '';
  return mr.status === 'uncertain'
    ? ` The CT's values are not set against discs of unconfirmed level.${said}`
    : said;
}

/** Outcomes after which a CT would tell more than there is. */
const WANTS_CT = {
  'no-ct': 'no lumbar CT is known here to confirm it',
  'outside-window': 'no lumbar CT within the window is known here to confirm it',
} as const;

/** Why no CT confirms what the classifier flags, and whether one that is yet to be made could. */
export function unconfirmed(outcome: string): { readonly wantsCt: boolean; readonly why: string } {
  if (outcome === 'no-ct' || outcome === 'outside-window') return { wantsCt: true, why: WANTS_CT[outcome] };
  return { wantsCt: false, why: `no CT could be set against it: ${UNPAIRED[outcome] ?? outcome}` };
}
