import type { BmiGroup } from '../../agent/domain/bmiBands.js';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { Level } from '../../agent/domain/levels.js';
import { bmiCondition } from '../tables/bmiCondition.js';

/** What a worklist may be sorted by: columns of worklist_entry, which has an index for each order. */
const ORDERS = {
  newest: ['created_at DESC', 'case_id'],
  patient: ['patient_words', 'created_at DESC', 'case_id'],
  accession: ["(accession_number = '')", 'accession_number', 'created_at DESC', 'case_id'],
  mr: ['mr_date DESC', 'created_at DESC', 'case_id'],
  state: ['state', 'state_since DESC', 'case_id'],
} as const satisfies Record<string, readonly string[]>;

export type WorklistSort = keyof typeof ORDERS;
export const WORKLIST_SORTS = Object.keys(ORDERS) as [WorklistSort, ...WorklistSort[]];

/** By the deciding model at the current revision; the last four against the CT. Levels stand in the column of a flag. */
const FLAGS = {
  calcified: ['calcified'],
  disagree: ['false_positive', 'false_negative'],
  uncertain: [],
  unstated: ['unstated'],
  'true-positive': ['true_positive'],
  'false-positive': ['false_positive'],
  'false-negative': ['false_negative'],
  'true-negative': ['true_negative'],
} as const satisfies Record<string, readonly string[]>;

/** What a worklist may be asked for. */
export type WorklistFilterFlag = keyof typeof FLAGS;
export const WORKLIST_FLAGS = Object.keys(FLAGS) as [WorklistFilterFlag, ...WorklistFilterFlag[]];

export interface WorklistFilter {
  readonly states?: readonly CaseState[];
  /** 'calcified': at least one disc by the model; 'disagree': model and CT differ on a disc; 'uncertain': its levels. */
  readonly flag?: WorklistFilterFlag;
  /** The disc that `flag` is about; alone: 'calcified' there. */
  readonly level?: Level;
  /** Words, each a part of the patient's name, ID or accession number, in any case of letters. */
  readonly find?: string;
  /** The whole number, and the whole UID of the MR study: links of other systems. */
  readonly accession?: string;
  readonly study?: string;
  readonly site?: string;
  readonly scanner?: string;
  /** Tesla. */
  readonly field?: number;
  readonly sex?: string;
  /** Whole years at the MR, both included. */
  readonly ageFrom?: number;
  readonly ageTo?: number;
  readonly bmi?: BmiGroup;
  readonly ct?: 'paired' | 'none';
  /** Whose newest report waits for a destination, or was refused for good by one; of any, or of this one. */
  readonly delivery?: 'pending' | 'parked';
  readonly destination?: string;
  /** Of what parked it. */
  readonly code?: string;
  readonly sort?: WorklistSort;
  /** Acquisition dates of the MR, 'YYYY-MM-DD', both included. */
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly offset: number;
  /** Only what comes after, or before, this case in the order: pages that cost the same however deep. */
  readonly after?: string;
  readonly before?: string;
}

export interface Condition {
  readonly sql: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** As one condition on worklist_entry; what is not asked for is not in it, so that its indexes serve. */
export function conditionOf(filter: WorklistFilter): Condition {
  const { find, states } = filter;
  const words = (find ?? '').split(/[\s,^]+/).filter(Boolean);
  const forms = Object.fromEntries(
    words.flatMap((word, i) => formsOf(word).map((form, k) => [`word${i}${k}`, anywhere(form)])),
  );
  const simple = Object.entries(SIMPLE).flatMap(([key, sql]) =>
    filter[key as keyof typeof SIMPLE] === undefined ? [] : [sql],
  );
  const parts = [
    ...simple,
    states && 'state = ANY(:states::text[])',
    flagOf(filter),
    ...words.map(
      (word, i) =>
        `(${formsOf(word)
          .map((_, k) => `found_by LIKE :word${i}${k}`)
          .join(' OR ')})`,
    ),
    filter.bmi && bmiCondition(filter.bmi),
    filter.ct === 'paired' && "pairing_outcome = 'paired'",
    filter.ct === 'none' && "pairing_outcome <> 'paired'",
  ].filter(Boolean);
  return {
    sql: parts.length > 0 ? parts.join(' AND ') : 'true',
    values: {
      ...filter,
      destination: filter.destination ?? null,
      states: states && [...states],
      ...forms,
      limit: filter.limit,
    },
  };
}

const SIMPLE = {
  accession: 'accession_number = :accession',
  study: 'mr_study_instance_uid = :study',
  site: 'site = :site',
  scanner: 'scanner = :scanner',
  field: 'field_strength_t = :field',
  sex: 'sex = :sex',
  ageFrom: 'age >= :ageFrom',
  ageTo: 'age <= :ageTo',
  delivery: `case_id IN (SELECT r.case_id FROM delivery d JOIN report r ON r.id = d.report_id
    JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision WHERE d.state = :delivery AND (:destination::text IS NULL OR d.destination = :destination))`,
  code: 'case_id IN (SELECT id FROM "case" WHERE last_error_code = :code)',
  from: 'mr_date >= :from::date',
  to: "mr_date <= :to::date AND mr_date > '-infinity'",
} as const satisfies Partial<Record<keyof WorklistFilter, string>>;

function flagOf({ flag, level }: WorklistFilter): string | false {
  const meant = flag ?? (level === undefined ? undefined : 'calcified');
  if (!meant) return false;
  if (meant === 'uncertain') return "locate_status <> 'located'";
  const held = FLAGS[meant].map((column) => (level ? `:level = ANY(${column})` : `${column} <> '{}'`));
  return `(${held.join(' OR ')})`;
}

interface Column {
  readonly sql: string;
  readonly isDown: boolean;
}

function columnsOf(sort: WorklistSort | undefined): Column[] {
  return ORDERS[sort ?? 'newest'].map((text) => ({
    sql: text.replace(/ DESC$/, ''),
    isDown: text.endsWith(' DESC'),
  }));
}

/** @param isBackwards from the end, for the page before */
export function orderOf(sort: WorklistSort | undefined, isBackwards = false): string {
  return columnsOf(sort)
    .map(({ sql, isDown }) => `${sql} ${isDown === isBackwards ? 'ASC' : 'DESC'}`)
    .join(', ');
}

/**
 * What stands beyond one case in an order: column by column, the first that differs decides; the first column's bound
 * stands alone too, so that its index begins there. The case itself is read in the statement: its times are finer there.
 */
export function beyond(sort: WorklistSort | undefined, caseId: string, isBackwards = false): string {
  const columns = columnsOf(sort);
  const bound = ({ sql }: Column) => `(SELECT ${sql} FROM worklist_entry WHERE case_id = ${caseId})`;
  const past = (column: Column) => (column.isDown === isBackwards ? '>' : '<');
  const chains = columns.map((column, i) => {
    const equal = columns.slice(0, i).map((each) => `${each.sql} = ${bound(each)}`);
    return `(${[...equal, `${column.sql} ${past(column)} ${bound(column)}`].join(' AND ')})`;
  });
  const [first] = columns;
  return `${first!.sql} ${past(first!)}= ${bound(first!)} AND (${chains.join(' OR ')})`;
}

/** As lower() may have left it: under the collation C, which the embedded server has, letters beyond ASCII stay as they were. */
function formsOf(word: string): readonly string[] {
  const asciiLower = word.toUpperCase().replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return [...new Set([word.toLowerCase(), asciiLower])];
}

/** As a pattern of LIKE: what a person types stands for itself. */
export function anywhere(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
