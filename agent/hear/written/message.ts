/** One written report as an HL7 v2 message carries it. */
export interface CarriedReport {
  /** Every number it may be known by here, the likeliest first (IPC-1, OBR-18, OBR-3, ORC-3, OBR-2, ORC-2). */
  readonly accessionNumbers: readonly string[];
  readonly studyInstanceUid: string;
  /** PID-3, each repetition's first component. */
  readonly patientIds: readonly string[];
  /** HL7 table 0123, OBR-25, else of its observations. */
  readonly status: string;
  readonly signedBy: string;
  readonly signedAt: Date | null;
  readonly text: string;
}

export interface Hl7Message {
  /** As it came, decoded. */
  readonly text: string;
  readonly controlId: string;
  /** MSH-3 and MSH-4. */
  readonly sender: string;
  /** MSH-9: 'ORU^R01' */
  readonly type: string;
  /** MSH-11, its first component. */
  readonly processing: string;
  readonly header: readonly string[];
  readonly segments: readonly (readonly string[])[];
  readonly separators: Separators;
}

interface Separators {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly mark: string;
}

/** @returns null for what does not begin with MSH */
export function readMessage(bytes: Uint8Array): Hl7Message | null {
  const latin = Buffer.from(bytes).toString('latin1');
  if (!latin.startsWith('MSH') || latin.length < 8) return null;
  const field = latin[3]!;
  const [first = ''] = latin.split(/[\r\n]/);
  const text = decoded(bytes, first.split(field)[17] ?? '');
  const [component = '^', repetition = '~', mark = '\\'] = text.slice(4, 8);
  const separators = { field, component, repetition, mark };
  const segments = text
    .split(/[\r\n]+/)
    .filter(Boolean)
    .map((line) => line.split(field));
  const header = segments[0]!;
  // MSH-1 is the separator itself: fields stand one place earlier than their number.
  const at = (number: number) => header[number - 1] ?? '';
  const [type = '', event = ''] = at(9).split(component);
  return {
    text,
    controlId: at(10),
    sender: `${at(3)}/${at(4)}`,
    type: `${type}^${event}`,
    processing: at(11).split(component)[0] ?? '',
    header,
    segments,
    separators,
  };
}

/** HL7 table 0211, as far as browsers' decoders know it; without a word: UTF-8 where it is that, else Latin 1. */
function decoded(bytes: Uint8Array, charset: string): string {
  const [, part] = /^8859\/(\d{1,2})$/.exec(charset.split('~')[0] ?? '') ?? [];
  if (part) return new TextDecoder(`iso-8859-${part}`).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** One for each OBR that has text of its own. */
export function reportsIn({ segments, separators, header }: Hl7Message): CarriedReport[] {
  const patientIds = fieldOf(
    segments.find(([name]) => name === 'PID'),
    3,
  )
    .split(separators.repetition)
    .map((each) => plain(each.split(separators.component)[0] ?? '', separators).trim())
    .filter(Boolean);
  return groupsOf(segments)
    .map((group) => carriedBy(group, patientIds, separators, header[6] ?? ''))
    .filter(({ text }) => text.trim() !== '');
}

/** An order (ORC) and what follows belongs to the OBR behind it. */
function groupsOf(segments: Hl7Message['segments']): (readonly string[])[][] {
  const groups: (readonly string[])[][] = [];
  let before: (readonly string[])[] = [];
  for (const segment of segments) {
    const [name] = segment;
    if (name === 'ORC') before = [segment];
    else if (name === 'OBR') {
      groups.push([...before, segment]);
      before = [];
    } else groups.at(-1)?.push(segment);
  }
  return groups;
}

function carriedBy(
  group: readonly (readonly string[])[],
  patientIds: readonly string[],
  separators: Separators,
  sentAt: string,
): CarriedReport {
  const of = (name: string, number: number) =>
    fieldOf(
      group.find(([each]) => each === name),
      number,
    );
  const first = (name: string, number: number) =>
    plain(of(name, number).split(separators.component)[0] ?? '', separators).trim();
  const observations = group.filter(([name]) => name === 'OBX');
  const numbers = [
    first('IPC', 1),
    first('OBR', 18),
    first('OBR', 3),
    first('ORC', 3),
    first('OBR', 2),
    first('ORC', 2),
  ];
  return {
    accessionNumbers: [...new Set(numbers.filter(Boolean))],
    studyInstanceUid: first('IPC', 3) || first('ZDS', 1) || uidIn(observations, separators),
    patientIds,
    status: of('OBR', 25) || (observations.map((each) => each[11] ?? '').find(Boolean) ?? ''),
    signedBy: plain(of('OBR', 32).replaceAll(separators.component, ' '), separators).trim(),
    signedAt:
      timeOf(of('OBR', 22)) ??
      timeOf(observations.map((each) => each[14] ?? '').find(Boolean) ?? '') ??
      timeOf(sentAt),
    text: observations
      .map((each) => observationText(each, separators))
      .filter(Boolean)
      .join('\n'),
  };
}

const TEXT_TYPES = new Set(['TX', 'FT', 'ST']);

function observationText(segment: readonly string[], separators: Separators): string {
  if (!TEXT_TYPES.has(segment[2] ?? '')) return '';
  return (segment[5] ?? '')
    .split(separators.repetition)
    .map((line) => plain(line, separators))
    .join('\n');
}

/** DCM 113014 (PS3.16 CID 7470) as an observation of its own, as this program's own messages have it. */
function uidIn(observations: readonly (readonly string[])[], { component }: Separators): string {
  const isStudy = (segment: readonly string[]) =>
    /^(113014|110180)$/.test((segment[3] ?? '').split(component)[0] ?? '');
  const value = observations.find(isStudy)?.[5] ?? '';
  return /^[0-9.]{5,64}$/.test(value) ? value : '';
}

function fieldOf(segment: readonly string[] | undefined, number: number): string {
  return segment?.[number] ?? '';
}

/** Escape sequences (HL7 v2.5.1 2.7) back to what they stand for; highlighting is dropped. */
function plain(text: string, { field, component, repetition, mark }: Separators): string {
  const stands: Readonly<Record<string, string>> = {
    F: field,
    S: component,
    R: repetition,
    E: mark,
    T: '&',
    H: '',
    N: '',
  };
  const quoted = mark.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
  return text.replace(new RegExp(`${quoted}([^${quoted}]{1,80})${quoted}`, 'g'), (_whole, what: string) => {
    const hex = /^X([0-9A-Fa-f]{2,})$/.exec(what)?.[1];
    if (hex) return Buffer.from(hex, 'hex').toString('latin1');
    return stands[what] ?? (/^\.(br|sp|ce)/.test(what) ? '\n' : '');
  });
}

/** A TS; without a distance from UTC it is by the clock of this machine. */
function timeOf(text: string): Date | null {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(?:(\d{2})(?:\.\d+)?)?)?([+-]\d{4})?$/.exec(
    text.split('^')[0] ?? '',
  );
  if (!match) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const time = new Date(zone ? `${iso}${zone.slice(0, 3)}:${zone.slice(3)}` : iso);
  return Number.isNaN(time.getTime()) ? null : time;
}
