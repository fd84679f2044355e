import { readFileSync } from 'node:fs';
import { isScalar, LineCounter, parseDocument, type Document as YamlDocument } from 'yaml';
import { z } from 'zod';
import { compileRule, type FactsFor, type Rule } from '../../config/cel.js';
import { DICOM_FORMS, GSPS_ALONE, saysAlways, URGENCIES } from '../../config/channels.js';
import { type Destination, formsOf } from '../../config/destinations.js';
import type { Send } from '../../db/tables/results.js';
import { CalcidiscError } from '../domain/errors.js';

/** What a rule may ask of: the outcome, the study, its source. docs/results.md says what each is. */
export const RULE_VARIABLES = {
  outcome: 'string',
  flagged: 'list<string>',
  unstated: 'list<string>',
  levelsFound: 'list<string>',
  levelsCertain: 'bool',
  highest: 'double',
  ct: 'string',
  ctCalcified: 'list<string>',
  amended: 'bool',
  CallingAE: 'string',
  StudyDescription: 'string',
  AccessionNumber: 'string',
  PatientSex: 'string',
  PatientAge: 'double',
} as const;

export type RuleFacts = FactsFor<typeof RULE_VARIABLES>;

/** Of a result in which nothing was found: a rule has to be able to say something of that too. */
const NOTHING: RuleFacts = {
  outcome: 'not-found',
  flagged: [],
  unstated: [],
  levelsFound: [],
  levelsCertain: false,
  highest: -1,
  ct: 'none',
  ctCalcified: [],
  amended: false,
  CallingAE: '',
  StudyDescription: '',
  AccessionNumber: '',
  PatientSex: '',
  PatientAge: -1,
};

const SendSchema = z.union([
  z.string().transform((to) => ({ to, forms: undefined })),
  z.strictObject({
    to: z.string(),
    forms: z.array(z.enum(DICOM_FORMS)).min(1).refine(saysAlways, { error: GSPS_ALONE }).optional(),
  }),
]);

const RuleSchema = z.strictObject({
  name: z.string().trim().min(1).max(64),
  /** CEL; absent: always. */
  when: z.string().optional(),
  mode: z.enum(['live', 'silent']).default('live'),
  urgency: z.enum(URGENCIES).default('routine'),
  /** Absent: every destination. */
  send: z.array(SendSchema).optional(),
});

const FileSchema = z.strictObject({ rules: z.array(RuleSchema).min(1) });

export interface ResultRule {
  readonly name: string;
  /** null: always. */
  readonly when: Rule<typeof RULE_VARIABLES> | null;
  readonly mode: 'live' | 'silent';
  readonly urgency: (typeof URGENCIES)[number];
  readonly sends: readonly Send[];
}

/**
 * Reads the rules of where results go, YAML or JSON. The first that holds decides, so the last one has to hold always:
 * no result is without a rule.
 * @throws CalcidiscError TEMPLATE_INVALID with file, line and column
 */
export function readRules(file: string, destinations: readonly Destination[]): readonly ResultRule[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CalcidiscError('TEMPLATE_INVALID', `cannot read the rules: ${(error as Error).message}`);
  }
  return parseRules(text, file, destinations);
}

export function parseRules(
  text: string,
  file: string,
  destinations: readonly Destination[],
): readonly ResultRule[] {
  const place = placesIn(text, file);
  const parsed = FileSchema.safeParse(place.document.toJS() ?? {});
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    place.fail(path, message.replace(/^Invalid input: /, ''));
  }
  const { rules } = parsed.data!;
  const names = rules.map(({ name }) => name);
  return rules.map((rule, index) => {
    const at = ['rules', index] as const;
    if (names.indexOf(rule.name) !== index)
      place.fail([...at, 'name'], `a rule before has the name ${rule.name} too`);
    const isLast = index === rules.length - 1;
    if (isLast && rule.when !== undefined)
      place.fail(
        [...at, 'when'],
        'the last rule has no `when`: it is for every result that no rule before it takes',
      );
    if (!isLast && rule.when === undefined)
      place.fail([...at], `no rule after ${rule.name}, which has no \`when\`, is ever asked`);
    const { name, mode, urgency } = rule;
    return {
      name,
      mode,
      urgency,
      when: whenOf(rule.when, [...at, 'when'], place),
      sends: sendsOf(rule.send, at, place, destinations),
    };
  });
}

type Path = readonly PropertyKey[];
interface Places {
  readonly document: YamlDocument;
  at(path: Path): string;
  fail(path: Path, words: string): never;
}

function placesIn(text: string, file: string): Places {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const whereIs = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const at = (path: Path): string => {
    for (let known = path.length; known >= 0; known--) {
      const node = document.getIn(path.slice(0, known), true) as
        | { range?: readonly number[] | null }
        | undefined;
      if (node?.range) return whereIs(node.range[0]!);
    }
    return whereIs(0);
  };
  const [error] = document.errors;
  if (error) throw new CalcidiscError('TEMPLATE_INVALID', `${whereIs(error.pos[0])}: ${error.message}`);
  return {
    document,
    at,
    fail(path, words) {
      throw new CalcidiscError('TEMPLATE_INVALID', `${at(path)}: ${words}`);
    },
  };
}

function whenOf(when: string | undefined, path: Path, place: Places): ResultRule['when'] {
  if (when === undefined) return null;
  const node = place.document.getIn(path, true);
  const said = isScalar(node) ? place.at(path) : place.at(path.slice(0, -1));
  try {
    return compileRule(`${said}: \`when\``, when, RULE_VARIABLES, [NOTHING]);
  } catch (error) {
    throw new CalcidiscError('TEMPLATE_INVALID', (error as Error).message, {}, { cause: error });
  }
}

function sendsOf(
  send: z.output<typeof RuleSchema>['send'],
  at: Path,
  place: Places,
  destinations: readonly Destination[],
): readonly Send[] {
  if (!send) return destinations.map((each) => ({ destination: each.name, forms: formsOf(each) }));
  return send.map(({ to, forms }, index) => {
    const path = [...at, 'send', index];
    const destination = destinations.find(({ name }) => name === to);
    const known = destinations.map(({ name }) => name).join(', ') || 'none';
    if (!destination) return place.fail(path, `no destination is called ${to}; there are: ${known}`);
    const own = formsOf(destination);
    const missing = forms?.find((form) => !own.includes(form));
    if (missing) place.fail(path, `${to} gets ${own.join(', ')}, and no ${missing}`);
    return { destination: to, forms: forms ?? own };
  });
}
