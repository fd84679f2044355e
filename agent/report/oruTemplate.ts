import Mustache from 'mustache';
import { CalcidiscError } from '../domain/errors.js';

/** Fields that consist of components: their parts are escaped, their separators stand. */
export class Composed {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

export function composed(text: string): Composed {
  return new Composed(text);
}

/** The message we send where a site has no template of its own: HL7 v2.5.1 ORU^R01 (chapter 7.3.1). */
export const DEFAULT_ORU = String.raw`
MSH|^~\&|{{sendingApplication}}|{{sendingFacility}}|{{receivingApplication}}|{{receivingFacility}}|{{now}}||ORU^R01^ORU_R01|{{controlId}}|{{processing}}|2.5.1||||||UNICODE UTF-8
PID|1||{{patient.identifier}}||{{patient.name}}||{{patient.birthDate}}|{{patient.sex}}
OBR|1||{{accession}}|{{procedure}}|{{priority}}||{{studyTime}}|||||||||||{{accession}}||||{{now}}||RAD|{{orderStatus}}
{{#notes}}
NTE|{{setId}}|L|{{text}}
{{/notes}}
{{#observations}}
OBX|{{setId}}|{{type}}|{{code}}|{{of}}|{{value}}|{{unit}}||{{abnormal}}|||{{status}}|||{{now}}|||{{method}}|{{device}}
{{/observations}}
`;

/** What a template may name, and within which section. docs/results.md says what each is. */
export const PLACEHOLDERS: Readonly<Record<string, readonly string[]>> = {
  '': [
    ...['sendingApplication', 'sendingFacility', 'receivingApplication', 'receivingFacility', 'processing'],
    ...['now', 'controlId', 'status', 'orderStatus', 'isWithdrawn', 'isCorrected', 'urgency', 'priority'],
    ...[
      'patient.id',
      'patient.issuer',
      'patient.identifier',
      'patient.name',
      'patient.birthDate',
      'patient.sex',
    ],
    ...['accession', 'studyUid', 'studyTime', 'studyDescription', 'procedure'],
    ...['conclusion', 'isFlagged', 'flagged', 'notes', 'levels', 'observations'],
  ],
  notes: ['setId', 'text'],
  levels: ['level', 'result', 'code', 'abnormal', 'percent', 'why'],
  observations: ['setId', 'type', 'code', 'of', 'value', 'unit', 'abnormal', 'method', 'device'],
};

/** Writes a message; what stands in a field cannot break out of it. */
export type OruTemplate = (view: object) => string;

/**
 * @param name what to call it in an error: the file
 * @throws CalcidiscError TEMPLATE_INVALID with line and column
 */
export function parseOruTemplate(text: string, name: string): OruTemplate {
  const source = text.replace(/^\uFEFF/, '');
  const fail = (offset: number, words: string): never => {
    const before = source.slice(0, offset).split('\n');
    const at = `${name}:${before.length}:${before.at(-1)!.length + 1}`;
    throw new CalcidiscError('TEMPLATE_INVALID', `${at}: ${words}`);
  };
  checkNames(tokensOf(source, fail), [''], fail);
  checkSegments(source, fail);
  return (view) =>
    Mustache.render(source, view, {}, { escape: escapeField })
      .split(/\r\n|\r|\n/)
      .filter((segment) => segment.trim() !== '')
      .map((segment) => `${segment.replace(/\|+$/, '')}\r`)
      .join('');
}

/** type, name, start, end, and of a section its inside. */
type Token = readonly [
  type: string,
  name: string,
  start: number,
  end: number,
  inside?: readonly Token[] | number,
];
type Fail = (offset: number, words: string) => never;

function tokensOf(source: string, fail: Fail): readonly Token[] {
  try {
    return Mustache.parse(source) as unknown as readonly Token[];
  } catch (error) {
    const { message } = error as Error;
    return fail(Number(/ at (\d+)$/.exec(message)?.[1] ?? 0), message.replace(/ at \d+$/, ''));
  }
}

function checkNames(tokens: readonly Token[], sections: readonly string[], fail: Fail): void {
  for (const [type, name, start, , inside] of tokens) {
    if (type === 'text' || type === '!') continue;
    if (type === '&')
      fail(start, `{{${name}}} without its escaping could break out of its field: use two braces`);
    if (type === '>' || type === '=') fail(start, `{{${type}${name}}} is not for messages`);
    const known = sections.flatMap((section) => PLACEHOLDERS[section] ?? []);
    if (!known.includes(name) && name !== '.')
      fail(start, `{{${name}}} is no placeholder here; there are ${known.join(', ')}`);
    if (Array.isArray(inside))
      checkNames(inside as readonly Token[], PLACEHOLDERS[name] ? [...sections, name] : sections, fail);
  }
}

const SEGMENT = /^[A-Z][A-Z0-9]{2}\|/;

/** Every line is a segment or a placeholder alone; what a receiver cannot do without is there. */
function checkSegments(source: string, fail: Fail): void {
  let offset = 0;
  for (const line of source.split('\n')) {
    const bare = line.trim();
    if (
      bare !== '' &&
      !SEGMENT.test(bare.replace(/^(\{\{[#^/!][^}]*\}\}\s*)+/, '')) &&
      !/^\{\{.*\}\}$/.test(bare)
    )
      fail(offset, 'a line begins with the name of its segment and a bar, as PID|');
    offset += line.length + 1;
  }
  const first = source.trimStart();
  if (!first.startsWith('MSH|^~\\&|')) fail(source.length - first.length, 'a message begins with MSH|^~\\&|');
  if (!/\{\{\s*controlId\s*\}\}/.test(source))
    fail(0, 'MSH-10 has to be {{controlId}}: the receiver’s answer is known by it');
}

function escapeField(value: unknown): string {
  return value instanceof Composed ? value.toString() : escapeHl7(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\E\\',
  '|': '\\F\\',
  '^': '\\S\\',
  '&': '\\T\\',
  '~': '\\R\\',
};

/** HL7 2.7: delimiters within text, and line ends, which would otherwise begin a segment. */
export function escapeHl7(text: string): string {
  return text.replace(/[\\|^&~]/g, (character) => ESCAPES[character]!).replace(/\r\n|\r|\n/g, '\\.br\\');
}
