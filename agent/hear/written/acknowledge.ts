import type { Hl7Message } from './message.js';

/** HL7 table 0008 in original mode (v2.5.1 2.9.2): taken, wrong in itself, not taken. */
export type Acknowledgement = 'AA' | 'AE' | 'AR';

/** HL7 table 0357, as far as it is said here. */
export const CONDITIONS = {
  100: 'Segment sequence error',
  101: 'Required field missing',
  200: 'Unsupported message type',
  202: 'Unsupported processing id',
  207: 'Application internal error',
} as const;

export interface Answer {
  readonly code: Acknowledgement;
  readonly condition?: keyof typeof CONDITIONS;
  /** For whoever looks into the sender's queue. */
  readonly words?: string;
}

/** An ACK to a message; to what is no message at all, one that names none. */
export function acknowledgementOf(
  message: Hl7Message | null,
  { code, condition, words = '' }: Answer,
  now = new Date(),
): string {
  const field = message?.separators.field ?? '|';
  const at = (number: number) => message?.header[number - 1] ?? '';
  const time = now.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const safe = words.replace(/[|^~\\&\r\n]/g, ' ');
  const header = [
    'MSH',
    at(2) || '^~\\&',
    at(5),
    at(6),
    at(3),
    at(4),
    `${time}+0000`,
    '',
    'ACK^R01^ACK',
    `${now.getTime()}`,
    at(11) || 'P',
    at(12) || '2.5.1',
  ];
  const segments = [
    header.join(field),
    ['MSA', code, message?.controlId ?? '', ...(safe ? [safe] : [])].join(field),
    ...(condition
      ? [['ERR', '', '', `${condition}^${CONDITIONS[condition]}^HL70357`, 'E', '', '', '', safe].join(field)]
      : []),
  ];
  return `${segments.join('\r')}\r`;
}
