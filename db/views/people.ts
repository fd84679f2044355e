import type { Tx } from '../server/knex.js';

/** Whether a result was in its first destination when the written report was signed: the column of qa_people. */
export const THERE = ['before', 'after', 'undelivered', 'no-time', 'backfill', 'no-report'] as const;
export type There = (typeof THERE)[number];

/** Of those alone it can be said who opened a result in time. */
const SIGNED = "there IN ('before', 'after', 'undelivered')";

export const OPENED = ['any', 'before-signing', 'after-signing', 'nobody'] as const;
export type OpenedWhen = (typeof OPENED)[number];

/** What a person's newest words on each disc of a result come to. */
export const PERSON_VERDICTS = ['accepted', 'rejected', 'moved', 'unclear'] as const;
export type PersonVerdict = (typeof PERSON_VERDICTS)[number];

/** Dates are the MR's, 'YYYY-MM-DD', both included. */
export interface PeopleFilter {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly site?: string | undefined;
  readonly scanner?: string | undefined;
}

const WHERE = {
  from: 'mr_date >= :from::date',
  to: 'mr_date <= :to::date',
  site: 'site = :site',
  scanner: 'scanner = :scanner',
} as const satisfies Record<keyof PeopleFilter, string>;

function conditionOf(filter: PeopleFilter): string {
  const asked = Object.entries(WHERE).filter(([key]) => filter[key as keyof PeopleFilter] !== undefined);
  return ['true', ...asked.map(([, sql]) => sql)].join(' AND ');
}

/** Minutes between two moments over results; null where there is none. */
export interface Spread {
  readonly results: number;
  readonly medianMinutes: number | null;
  readonly lowMinutes: number | null;
  readonly highMinutes: number | null;
}

export interface PersonRow {
  /** As the trail names them, `user:anna`; of documents `document:` and the observer's name. */
  readonly person: string;
  readonly opened: number;
  readonly openedBefore: number;
  /** Of results whose signing has a time. */
  readonly openedAfterOnly: number;
  /** From the result to the first look. */
  readonly medianMinutesToOpen: number | null;
  readonly accepted: number;
  readonly rejected: number;
  readonly moved: number;
  readonly unclear: number;
  /** Opened, and nothing said. */
  readonly withoutVerdict: number;
  /** From the result to the newest word. */
  readonly medianMinutesToVerdict: number | null;
}

export interface People {
  readonly results: number;
  readonly withReport: number;
  readonly before: Spread;
  readonly after: Spread;
  readonly undelivered: number;
  readonly noTime: number;
  readonly backfill: number;
  readonly noReport: number;
  /** Of results whose signing has a time. */
  readonly openedBefore: number;
  readonly openedAfterOnly: number;
  readonly openedByNobody: number;
  /** Results of which somebody said so. */
  readonly verdicts: Readonly<Record<PersonVerdict, number>>;
  /** Who opened most first. */
  readonly people: readonly PersonRow[];
}

const OPENED_OF_CASE = `
  CASE WHEN NOT ${SIGNED} THEN NULL
       WHEN bool_or(opened = 'before-signing') THEN 'before-signing'
       WHEN count(opened_at) > 0 THEN 'after-signing' ELSE 'nobody' END`;

function spread(there: 'before' | 'after'): string {
  const sign = there === 'before' ? '' : '-';
  const at = (share: number) =>
    `'${share === 0.5 ? 'medianMinutes' : share < 0.5 ? 'lowMinutes' : 'highMinutes'}',
     percentile_cont(${share}) WITHIN GROUP (ORDER BY ${sign}seconds_before_signing / 60) FILTER (WHERE there = '${there}')`;
  return `jsonb_build_object('results', count(*) FILTER (WHERE there = '${there}'), ${[0.5, 0.05, 0.95].map(at).join(', ')})`;
}

/** The 5th, 50th and 95th percentile stand for a spread. */
export async function readPeople(tx: Tx, filter: PeopleFilter): Promise<People> {
  const count = (condition: string) => `count(*) FILTER (WHERE ${condition})::integer`;
  const { rows } = await tx.raw(
    `WITH asked AS MATERIALIZED (SELECT * FROM qa_people WHERE ${conditionOf(filter)}),
          one AS (SELECT case_id, there, seconds_before_signing, ${OPENED_OF_CASE} AS opened,
                         array_agg(DISTINCT verdict) AS verdicts FROM asked GROUP BY 1, 2, 3),
          person AS (
            SELECT person, count(opened_at)::integer AS opened, ${count("opened = 'before-signing'")} AS "openedBefore",
                   ${count("opened = 'after-signing'")} AS "openedAfterOnly",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_open / 60) AS "medianMinutesToOpen",
                   ${PERSON_VERDICTS.map((verdict) => `${count(`verdict = '${verdict}'`)} AS ${verdict}`).join(', ')},
                   ${count('opened_at IS NOT NULL AND verdict IS NULL')} AS "withoutVerdict",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_verdict / 60) AS "medianMinutesToVerdict"
              FROM asked WHERE person <> '' GROUP BY 1)
     SELECT count(*)::integer AS results, ${count("there <> 'no-report'")} AS with_report,
            ${spread('before')} AS before, ${spread('after')} AS after,
            ${count("there = 'undelivered'")} AS undelivered, ${count("there = 'no-time'")} AS no_time,
            ${count("there = 'backfill'")} AS backfill, ${count("there = 'no-report'")} AS no_report,
            ${count("opened = 'before-signing'")} AS opened_before, ${count("opened = 'after-signing'")} AS opened_after_only,
            ${count("opened = 'nobody'")} AS opened_by_nobody,
            jsonb_build_object(${PERSON_VERDICTS.map((verdict) => `'${verdict}', ${count(`'${verdict}' = ANY(verdicts)`)}`).join(', ')}) AS verdicts,
            (SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.opened DESC, p.person), '[]') FROM person p) AS people
       FROM one`,
    { ...filter },
  );
  return rows[0];
}

export interface PeopleCaseFilter extends PeopleFilter {
  /** 'report': whichever has a final one. */
  readonly there?: There | 'report' | undefined;
  /** By the person that is asked for, else by whoever was first. */
  readonly opened?: OpenedWhen | undefined;
  readonly person?: string | undefined;
  /** 'none': opened, and nothing said. */
  readonly verdict?: PersonVerdict | 'none' | undefined;
  /** The last case of the page before. */
  readonly after?: string | undefined;
}

export interface PeopleCase {
  readonly caseId: string;
  readonly accessionNumber: string;
  readonly mrDate: string | null;
  readonly site: string;
  readonly scanner: string;
  readonly resultAt: Date;
  readonly deliveredAt: Date | null;
  readonly signedAt: Date | null;
  readonly there: There;
  readonly secondsBeforeSigning: number | null;
  /** Whoever opened it or spoke of it, the first first. */
  readonly people: readonly {
    readonly person: string;
    /** ISO 8601. */
    readonly openedAt: string | null;
    readonly opened: 'before-signing' | 'after-signing' | null;
    readonly verdict: PersonVerdict | null;
  }[];
}

/** The newest MR first; pages by key. */
export async function listPeopleCases(
  tx: Tx,
  filter: PeopleCaseFilter,
  limit: number,
): Promise<{ readonly rows: readonly PeopleCase[]; readonly total: number }> {
  const key = "coalesce(mr_date, '-infinity')";
  const { rows } = await tx.raw(
    `WITH found AS MATERIALIZED (
       SELECT case_id, accession_number, mr_date, site, scanner, result_at, delivered_at, signed_at, there, seconds_before_signing,
              coalesce(jsonb_agg(jsonb_build_object('person', person, 'openedAt', opened_at, 'opened', opened, 'verdict', verdict)
                ORDER BY opened_at, person) FILTER (WHERE person <> ''), '[]') AS people
         FROM qa_people WHERE ${conditionOf(filter)} ${thereOf(filter)}
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 HAVING ${havingOf(filter)})
     SELECT f.*, (SELECT count(*)::integer FROM found) AS total FROM found f
      WHERE ${filter.after ? `(${key}, case_id) < ((SELECT mr_date FROM worklist_entry WHERE case_id = :after::uuid), :after::uuid)` : 'true'}
      ORDER BY ${key} DESC, case_id DESC LIMIT :limit`,
    { ...filter, person: filter.person ?? null, limit },
  );
  return { rows: rows.map(withoutTotal), total: rows[0]?.total ?? 0 };
}

function withoutTotal({ total: _total, ...row }: PeopleCase & { readonly total: number }): PeopleCase {
  return row;
}

function thereOf({ there }: PeopleCaseFilter): string {
  if (there === undefined) return '';
  return there === 'report' ? "AND there <> 'no-report'" : `AND there = '${there}'`;
}

/** A person, and what one said, is asked of single rows; without either, when a result was opened is asked of the whole. */
function havingOf({ opened, person, verdict }: PeopleCaseFilter): string {
  const ofCase =
    person === undefined && opened !== undefined && opened !== 'any'
      ? [`${OPENED_OF_CASE} = '${opened}'`]
      : [];
  const ofRow = [
    person !== undefined && 'person = :person',
    opened === 'any' && 'opened_at IS NOT NULL',
    person !== undefined && opened !== undefined && opened !== 'any' && `opened = '${opened}'`,
    verdict === 'none' && 'opened_at IS NOT NULL AND verdict IS NULL',
    verdict !== undefined && verdict !== 'none' && `verdict = '${verdict}'`,
  ].filter(Boolean);
  const conditions = [...ofCase, ...(ofRow.length > 0 ? [`bool_or(${ofRow.join(' AND ')})`] : [])];
  return conditions.join(' AND ') || 'true';
}
