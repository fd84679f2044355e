import type { DeliveryRow } from '../../db/tables/deliveries.js';
import type { PriorFetchRow } from '../../db/tables/priorFetches.js';
import type { CaseRoute } from '../../db/tables/results.js';
import type { CarriedIdentity } from '../../db/tables/studyIdentities.js';
import type { Answer } from '../domain/answers.js';
import type { CaseState } from '../domain/caseStates.js';
import { isOnePerson } from '../domain/identity.js';

/** How states, outcomes and labels read on a page. Colour never says it alone. */
export const STATE_WORDS = {
  received: 'received',
  paired: 'paired',
  located: 'discs located',
  classified: 'classified',
  reported: 'report not delivered',
  delivered: 'in the PACS',
  closed: 'closed',
  parked: 'parked: needs a person',
} as const satisfies Record<CaseState, string>;

/** How a person has a parked case go on, once its cause is mended. */
export function retryCommand(caseId: string): string {
  return `calcidisc case ${caseId.slice(0, 8)} --retry "what was mended"`;
}

/** How a person names levels that are uncertain. */
export function namingCommand(caseId: string): string {
  return `calcidisc case ${caseId.slice(0, 8)} --levels as-drawn --reason "…"`;
}

export const PAIRING_WORDS: Readonly<Record<string, string>> = {
  paired: 'CT paired',
  'no-ct': 'no lumbar CT',
  'none-serves': 'no CT that serves as reference',
  'outside-window': 'CT outside the window',
  'no-date': 'no acquisition date',
  'no-patient-id': 'no patient ID',
  'identity-differs': 'CT of another identity',
  unreadable: 'CT that cannot be read',
};

/** Colour never says it alone. */
export const ANSWER_SIGNS = {
  calcified: '●',
  'not-calcified': '○',
  indeterminate: '◐',
  'not-assessable': '–',
} as const satisfies Record<Answer, string>;

/** The style sheet's name for an answer. */
export const ANSWER_CLASSES = {
  calcified: 'yes',
  'not-calcified': 'no',
  indeterminate: 'unstated',
  'not-assessable': 'unstated',
} as const satisfies Record<Answer, string>;

export const COMMITMENT_WORDS = {
  none: '',
  due: 'storage commitment to be asked for',
  requested: 'storage commitment asked for, no answer yet',
  resending: 'not kept by the PACS: sent again',
  committed: 'storage committed',
  failed: 'no storage commitment',
} as const satisfies Record<DeliveryRow['commitment'], string>;

/** What a destination has promised, after what it has answered; '' where nothing is asked. */
export function commitmentText({
  commitment,
  committedAt,
  commitmentError,
}: Pick<DeliveryRow, 'commitment' | 'committedAt' | 'commitmentError'>): string {
  const words = COMMITMENT_WORDS[commitment];
  if (commitment === 'committed') return committedAt ? `${words} ${moment(committedAt)}` : words;
  return commitmentError && words ? `${words} (${commitmentError})` : words;
}

/** One line for each way the images name their patient; none where they agree. A terminal gets no names. */
export function identityLines(
  identities: readonly CarriedIdentity[],
  { withNames = false }: { readonly withNames?: boolean } = {},
): string[] {
  if (isOnePerson(identities)) return [];
  return identities.map(({ patientId, issuerOfPatientId, patientName, patientBirthDate, instances }, i) => {
    const issuer = issuerOfPatientId && ` of ${issuerOfPatientId}`;
    const name = withNames ? personName(patientName) || 'no name' : `name ${i + 1}`;
    return `${instances} images: patient ID ${patientId || '–'}${issuer}, ${name}, born ${patientBirthDate ?? '–'}`;
  });
}

/** What became of asking a PACS for the patient's other images. */
export function priorText(fetch: PriorFetchRow): string {
  const { wantedModality, source, state, reason, attempts, lastError, nextAttemptAt, instancesMoved } = fetch;
  const asked = `${wantedModality} from ${source}`;
  if (state === 'failed') return `${asked}: failed, ${reason}`;
  if (state === 'done') return `${asked}: ${reason}${instancesMoved > 0 ? `, ${instancesMoved} images` : ''}`;
  if (state !== 'due') return `${asked}: ${state}, attempt ${attempts}`;
  const since = lastError === null ? '' : `, after ${attempts} in vain: ${lastError}`;
  return `${asked}: asked again ${moment(nextAttemptAt)}${since}`;
}

export function percent(probability: number): string {
  if (probability >= 0.9995) return '> 99.9 %';
  return `${(100 * probability).toFixed(probability > 0.0995 && probability < 0.995 ? 0 : 1)} %`;
}

/** A probability and the threshold it is held against, with as many digits as tell the two apart. */
export function percentBeside(probability: number, threshold: number): readonly [string, string] {
  const [said, limit] = [percent(probability), percent(threshold)];
  const toldApart = said.replace('> ', '') !== limit.replace('> ', '');
  if (toldApart || probability === threshold) return [said, limit];
  for (let digits = 1; digits < 6; digits++) {
    const finer = [probability, threshold].map((value) => `${(100 * value).toFixed(digits)} %`);
    const whole = finer.some((text) => Number.parseFloat(text) === 100);
    if (finer[0] !== finer[1] && !(whole && Math.max(probability, threshold) < 1))
      return [finer[0]!, finer[1]!];
  }
  return [said, limit];
}

export function hounsfield(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(0)} HU`;
}

/** CT minus MR. */
export function interval(days: number): string {
  if (days === 0) return 'same day';
  const count = `${Math.abs(days)} day${Math.abs(days) === 1 ? '' : 's'}`;
  return days > 0 ? `CT ${count} after MR` : `CT ${count} before MR`;
}

/** The same where it is plain that a CT is meant. */
export function apart(days: number): string {
  if (days === 0) return 'same day';
  const count = `${Math.abs(days)} day${Math.abs(days) === 1 ? '' : 's'}`;
  return days > 0 ? `${count} later` : `${count} earlier`;
}

/** A patient name as people write it: components apart, the alphabetic group only (PS3.5 6.2.1). */
export function personName(name: string): string {
  const [family = '', given = '', middle = ''] = (name.split('=')[0] ?? '').split('^');
  return [family, [given, middle].filter(Boolean).join(' ')].filter(Boolean).join(', ');
}

export function moment(at: Date): string {
  return at.toISOString().replace('T', ' ').slice(0, 19);
}

const AGES = [
  ['day', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** How long something has been there, in its largest unit. */
export function age(since: Date, now = new Date()): string {
  const seconds = Math.max(0, (now.getTime() - since.getTime()) / 1000);
  const [unit, length] = AGES.find(([, each]) => seconds >= each) ?? ['s', 1];
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${unit === 'day' && count !== 1 ? 's' : ''}`;
}

/** Where a report goes, in words; '' where nothing was decided. */
export function routeText(route: CaseRoute | undefined): string {
  if (!route) return '';
  const { mode, rule, urgency, sends, why } = route;
  const by = [rule ? `rule ${rule}` : '', urgency === 'routine' ? '' : urgency, why ?? '']
    .filter(Boolean)
    .join('; ');
  const where = sends.length === 0 ? `sent nowhere${mode === 'silent' ? ' (silent)' : ''}` : '';
  return [where, by].filter(Boolean).join(': ');
}
