import type { BmiGroup } from '../../agent/domain/bmiBands.js';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';
import { bmiCondition } from '../tables/bmiCondition.js';

/** By what a model is judged: columns of quality_disc. */
export const TRUTHS = ['ct', 'reader', 'report'] as const;
export type Truth = (typeof TRUTHS)[number];

export const OUTCOMES = [
  'true-positive',
  'false-positive',
  'false-negative',
  'true-negative',
  'unstated',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What images may not say, by the column that is then empty. */
const UNSAID = {
  site: "q.site = ''",
  scanner: "q.scanner = ''",
  sex: "q.sex = ''",
  field: 'q.field_strength_t IS NULL',
  age: 'q.age IS NULL',
  date: 'q.mr_date IS NULL',
} as const;
export type Unsaid = keyof typeof UNSAID;
export const UNSAIDS = Object.keys(UNSAID) as [Unsaid, ...Unsaid[]];

export interface QualityDiscFilter {
  /** name@version; absent: whichever decides. */
  readonly model?: string | undefined;
  /** What the model says. */
  readonly says?: 'calcified' | 'not-calcified' | 'unstated' | undefined;
  /** Only discs of which it says something. */
  readonly truth?: Truth | undefined;
  /** The model against `truth`. */
  readonly outcome?: Outcome | undefined;
  readonly level?: Level | undefined;
  readonly site?: string | undefined;
  readonly scanner?: string | undefined;
  readonly field?: number | undefined;
  readonly sex?: string | undefined;
  readonly ageFrom?: number | undefined;
  readonly ageTo?: number | undefined;
  readonly bmi?: BmiGroup | undefined;
  /** Of which the images do not say that. */
  readonly unsaid?: Unsaid | undefined;
  /** The whole number. */
  readonly accession?: string | undefined;
  /** 'YYYY-MM-DD' of the MR, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The last disc of the page before: 'case id/level'. */
  readonly after?: string | undefined;
}

export interface QualityDiscRow {
  readonly caseId: string;
  readonly accessionNumber: string;
  readonly patientId: string;
  readonly mrDate: string | null;
  readonly level: Level;
  readonly model: string;
  readonly role: 'active' | 'shadow';
  readonly probability: number;
  readonly threshold: number;
  readonly calcified: boolean | null;
  readonly ct: boolean | null;
  readonly reader: boolean | null;
  readonly report: boolean | null;
  readonly site: string;
  readonly scanner: string;
}

const WHERE = {
  model: "q.model_id = (SELECT id FROM model WHERE name || '@' || version = :model)",
  level: 'q.level = :level',
  site: 'q.site = :site',
  scanner: 'q.scanner = :scanner',
  field: 'q.field_strength_t = :field',
  sex: 'q.sex = :sex',
  ageFrom: 'q.age >= :ageFrom',
  ageTo: 'q.age <= :ageTo',
  accession: 'q.case_id IN (SELECT case_id FROM worklist_entry WHERE accession_number = :accession)',
  from: 'q.mr_date >= :from::date',
  to: 'q.mr_date <= :to::date',
} as const satisfies Partial<Record<keyof QualityDiscFilter, string>>;

const SAYS = {
  calcified: 'q.calcified',
  'not-calcified': 'NOT q.calcified',
  unstated: 'q.calcified IS NULL',
} as const;

function outcomeOf(truth: Truth, outcome: Outcome): string {
  if (outcome === 'unstated') return 'q.calcified IS NULL';
  const isPositive = outcome.endsWith('positive');
  const isRight = outcome.startsWith('true');
  return `q.calcified = ${isPositive} AND q.${truth} = ${isPositive === isRight}`;
}

function conditionOf(filter: QualityDiscFilter): string {
  const { model, says, truth = 'ct', outcome } = filter;
  const simple = Object.entries(WHERE).flatMap(([key, sql]) =>
    filter[key as keyof typeof WHERE] === undefined ? [] : [sql],
  );
  return [
    ...simple,
    filter.bmi && bmiCondition(filter.bmi, 'q.bmi'),
    filter.unsaid && UNSAID[filter.unsaid],
    model === undefined && "q.role = 'active'",
    says && SAYS[says],
    (filter.truth || outcome) && `q.${truth} IS NOT NULL`,
    outcome && outcomeOf(truth, outcome),
  ]
    .filter(Boolean)
    .join(' AND ');
}

/** The newest MR first; pages by key. */
export async function listQualityDiscs(
  tx: Tx,
  filter: QualityDiscFilter,
  limit: number,
): Promise<{ readonly rows: readonly QualityDiscRow[]; readonly discs: number; readonly cases: number }> {
  const where = conditionOf(filter);
  const [afterCase, afterLevel] = filter.after?.split('/') ?? [];
  const values = { ...filter, afterCase: afterCase ?? null, afterLevel: afterLevel ?? null, limit };
  const key = "coalesce(q.mr_date, '-infinity')";
  const { rows } = await tx.raw(
    `SELECT q.case_id, e.accession_number, e.patient_id, q.mr_date, q.level, m.name || '@' || m.version AS model, q.role,
            q.probability, q.threshold, q.calcified, q.ct, q.reader, q.report, q.site, q.scanner
       FROM quality_disc q JOIN model m ON m.id = q.model_id JOIN worklist_entry e ON e.case_id = q.case_id
      WHERE ${where || 'true'} ${
        filter.after
          ? `AND (${key}, q.case_id, q.level) < ((SELECT mr_date FROM worklist_entry WHERE case_id = :afterCase::uuid), :afterCase::uuid, :afterLevel)`
          : ''
      } ORDER BY ${key} DESC, q.case_id DESC, q.level DESC LIMIT :limit`,
    values,
  );
  const counts = await tx.raw(
    `SELECT count(*)::integer AS discs, count(DISTINCT case_id)::integer AS cases FROM quality_disc q WHERE ${where || 'true'}`,
    values,
  );
  return { rows, ...counts.rows[0] };
}
