import { compileRule, type FactsFor, type RuleAnswer } from '../../config/cel.js';
import type { Config } from '../../config/schema.js';
import type { SeriesAttributes } from './attributes.js';
import type { KindFacts, SeriesFacts } from './seriesFacts.js';
import { regionIn, wordsOf } from './words.js';

/** 'check': located to compare levels with the series that is read, never read itself. */
export type Role = 'mr' | 'ct' | 'check' | 'ignored';

export interface RoleDecision {
  readonly role: Role;
  /** Why, in words for the log, the audit trail and the page. */
  readonly reason: string;
  /** A rule that could not be worked out, and why: somebody has to look at it. */
  readonly failed?: string;
}

export type DecideRole = (attributes: SeriesAttributes) => RoleDecision;

const VARIABLES = {
  Modality: 'string',
  SeriesDescription: 'string',
  StudyDescription: 'string',
  ProtocolName: 'string',
  BodyPartExamined: 'string',
  ImageType: 'list<string>',
  CallingAE: 'string',
  orientation: 'string',
  weighting: 'string',
  fatSuppressed: 'bool',
  region: 'string',
  localizer: 'bool',
} as const;

type Facts = FactsFor<typeof VARIABLES>;

/** The rules in the order in which they are asked. */
const ROLES = ['mr', 'ct', 'check'] as const satisfies readonly Role[];

type RouteRules = Pick<Config['route'], 'mr' | 'ct'> & Partial<Pick<Config['route'], 'check'>>;

/** What senders usually say, and one that says nothing. */
const SAMPLES: readonly Facts[] = [
  {
    Modality: 'MR',
    SeriesDescription: 't2_tse_sag',
    StudyDescription: 'MRT LWS',
    ProtocolName: 't2_tse_sag_lws',
    BodyPartExamined: 'LSPINE',
    ImageType: ['ORIGINAL', 'PRIMARY', 'M', 'NORM'],
    CallingAE: 'MR1',
    orientation: 'SAGITTAL',
    weighting: 'T2',
    fatSuppressed: false,
    region: 'LUMBAR',
    localizer: false,
  },
  {
    Modality: 'CT',
    SeriesDescription: 'LWS 1.0 B30',
    StudyDescription: '',
    ProtocolName: '',
    BodyPartExamined: 'SPINE',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    CallingAE: 'CT1',
    orientation: 'AXIAL',
    weighting: 'NONE',
    fatSuppressed: false,
    region: 'LUMBAR',
    localizer: false,
  },
  {
    Modality: '',
    SeriesDescription: '',
    StudyDescription: '',
    ProtocolName: '',
    BodyPartExamined: '',
    ImageType: [],
    CallingAE: 'OLD',
    orientation: 'UNKNOWN',
    weighting: 'UNKNOWN',
    fatSuppressed: false,
    region: 'UNKNOWN',
    localizer: false,
  },
];

/**
 * Compiles the rules once. One that still cannot be worked out for a series leaves that series out, and says so.
 * @throws ConfigError when a rule is no CEL expression over these attributes, or fails for what senders usually say
 */
export function compileRules(route: RouteRules): DecideRole {
  const rules = ROLES.flatMap((role) => {
    const expression = route[role];
    return expression === undefined
      ? []
      : [{ role, rule: compileRule(`route.${role}`, expression, VARIABLES, SAMPLES) }];
  });
  return (attributes) => {
    if (attributes.localizer)
      return { role: 'ignored', reason: 'a localizer or a rendering, not a source image' };
    const facts = ruleFacts(attributes);
    const answers = rules.map(({ role, rule }) => ({ role, answer: rule(facts) }));
    const match = answers.find(({ answer }) => 'holds' in answer && answer.holds);
    if (match) return { role: match.role, reason: `matches route.${match.role}: ${describe(attributes)}` };
    const failed = failureIn(answers);
    if (failed) return { role: 'ignored', reason: failed, failed };
    return { role: 'ignored', reason: `matches neither route.mr nor route.ct: ${describe(attributes)}` };
  };
}

function ruleFacts(attributes: SeriesAttributes): Facts {
  const { regionFrom: _, regionAmongOthers: __, ...facts } = attributes;
  return facts;
}

function failureIn(
  answers: readonly { readonly role: string; readonly answer: RuleAnswer }[],
): string | null {
  for (const { role, answer } of answers)
    if ('failed' in answer) return `route.${role} cannot be worked out for it: ${answer.failed}`;
  return null;
}

function describe(attributes: SeriesAttributes): string {
  const { Modality, orientation, weighting, region, regionFrom } = attributes;
  const parts = [
    Modality || 'no modality',
    orientation,
    weighting === 'NONE' ? '' : weighting,
    `region ${region}${regionFrom ? ` by ${regionFrom}` : ''}${contradictionIn(attributes)}`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** A body part that was set wrongly is believed all the same; somebody should see it. */
function contradictionIn({
  region,
  regionFrom,
  SeriesDescription,
  BodyPartExamined,
}: SeriesAttributes): string {
  if (region !== 'OTHER' || regionFrom !== 'BodyPartExamined') return '';
  return regionIn(wordsOf(SeriesDescription))?.region === 'LUMBAR'
    ? ` (${BodyPartExamined}), though SeriesDescription names the lumbar spine`
    : '';
}

export interface SeriesDecision extends RoleDecision {
  /** The kind of picture that let the series in; the largest one where none did. */
  readonly by: KindFacts;
}

/** A series is let in when one kind of its pictures is: which one is read is the locating's choice. */
export function decideSeries(facts: SeriesFacts, decide: DecideRole): SeriesDecision {
  const decided = facts.kinds.map((by) => ({ by, ...decide(by.attributes) }));
  const letIn = ROLES.flatMap((role) => decided.find((each) => each.role === role) ?? []);
  const taken = letIn[0] ?? decided[0]!;
  const others = decided.filter((each) => each !== taken);
  const failed = decided.find((each) => each.failed !== undefined);
  if (others.length === 0) return taken;
  const isIn = taken.role !== 'ignored';
  const beside = others
    .filter(({ role }) => !isIn || role !== taken.role)
    .map(({ by, reason }) => `${by.images} of ${by.name}: ${reason}`);
  const also = beside.length > 0 ? `; beside them ${beside.join('; ')}` : '';
  const { images, name } = taken.by;
  return {
    ...taken,
    reason: `${images} of ${facts.images} pictures (${name}): ${taken.reason}${also}`,
    ...(failed ? { failed: failed.reason } : {}),
  };
}
