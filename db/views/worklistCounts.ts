import type { Tx } from '../server/knex.js';
import { conditionOf, type WorklistFilter } from './worklistFilter.js';

/** How many of what a filter lets through have each value of a facet, most first. */
export interface WorklistFacets {
  readonly total: number;
  readonly flag: FacetCounts;
  readonly state: FacetCounts;
  readonly site: FacetCounts;
  readonly scanner: FacetCounts;
  readonly ct: FacetCounts;
}
export type FacetCounts = readonly { readonly value: string; readonly count: number }[];

/** All facets in one pass: over the sums where they say what is asked for, else over the entries. */
export async function countFacets(tx: Tx, filter: WorklistFilter): Promise<WorklistFacets> {
  const summed = ofSums(filter);
  if (summed) await foldCounts(tx);
  const { rows } = await tx.raw(
    `SELECT state, site, scanner, ct, sum(n)::integer AS count, sum(calcified)::integer AS calcified,
            sum(disagree)::integer AS disagree, sum(uncertain)::integer AS uncertain, sum(unstated)::integer AS unstated,
            grouping(state, site, scanner, ct) AS which
       FROM (${summed ? `${SUMS} WHERE ${summed} GROUP BY 1, 2, 3, 4` : `${ENTRIES} WHERE ${conditionOf(filter).sql} GROUP BY 1, 2, 3, 4`}) one
      GROUP BY GROUPING SETS ((state), (site), (scanner), (ct), ()) ORDER BY count DESC`,
    conditionOf(filter).values,
  );
  const of = (key: 'state' | 'site' | 'scanner' | 'ct', which: number): FacetCounts =>
    rows
      .filter((row: FacetRow) => row.which === which && row.count > 0)
      .map((row: FacetRow) => ({ value: row[key] ?? '', count: row.count }));
  const all: FacetRow | undefined = rows.find((row: FacetRow) => row.which === 15);
  const flags = ['calcified', 'disagree', 'uncertain', 'unstated'] as const;
  return {
    total: all?.count ?? 0,
    flag: flags.map((value) => ({ value, count: all?.[value] ?? 0 })),
    state: of('state', 7),
    site: of('site', 11),
    scanner: of('scanner', 13),
    ct: of('ct', 14),
  };
}

interface FacetRow {
  readonly which: number;
  readonly count: number;
  readonly state: string | null;
  readonly site: string | null;
  readonly scanner: string | null;
  readonly ct: string | null;
  readonly calcified: number;
  readonly disagree: number;
  readonly uncertain: number;
  readonly unstated: number;
}

const CT = "CASE WHEN pairing_outcome = 'paired' THEN 'paired' ELSE 'none' END AS ct";

const ENTRIES = `
  SELECT state, site, scanner, ${CT}, count(*) AS n, count(*) FILTER (WHERE calcified <> '{}') AS calcified,
         count(*) FILTER (WHERE false_positive <> '{}' OR false_negative <> '{}') AS disagree,
         count(*) FILTER (WHERE locate_status <> 'located') AS uncertain,
         count(*) FILTER (WHERE unstated <> '{}') AS unstated
    FROM worklist_entry`;

const sumOf = (condition: string) => `coalesce(sum(n) FILTER (WHERE ${condition}), 0)`;
const SUMS = `
  SELECT state, site, scanner, ${CT}, sum(n) AS n, ${sumOf("calcified <> '{}'")} AS calcified,
         ${sumOf('is_differing')} AS disagree, ${sumOf('is_uncertain')} AS uncertain, ${sumOf('is_unstated')} AS unstated
    FROM worklist_count`;

/** What the sums know of. */
const SUMMED: ReadonlySet<string> = new Set([
  ...['states', 'site', 'scanner', 'ct', 'flag', 'level'],
  ...['sort', 'limit', 'offset', 'after', 'before'],
]);

/** A filter as a condition on worklist_count; null where only the entries know. */
function ofSums(filter: WorklistFilter): string | null {
  const asked = Object.entries(filter).filter(([, value]) => value !== undefined);
  if (!asked.every(([key]) => SUMMED.has(key))) return null;
  const { flag, level, states, site, scanner, ct } = filter;
  const flags = {
    calcified: level === undefined ? "calcified <> '{}'" : ':level = ANY(calcified)',
    uncertain: 'is_uncertain',
    ...(level === undefined && { disagree: 'is_differing', unstated: 'is_unstated' }),
  } as const;
  const meant = flag ?? (level === undefined ? undefined : 'calcified');
  if (meant !== undefined && !(meant in flags)) return null;
  const parts = [
    'true',
    meant && flags[meant as keyof typeof flags],
    states && 'state = ANY(:states::text[])',
    site !== undefined && 'site = :site',
    scanner !== undefined && 'scanner = :scanner',
    ct === 'paired' && "pairing_outcome = 'paired'",
    ct === 'none' && "pairing_outcome <> 'paired'",
  ];
  return parts.filter(Boolean).join(' AND ');
}

/** Changes that wait to be summed up before it is worth the while. */
const MOST_LOOSE = 2_000;
const COLUMNS = 'state, site, scanner, pairing_outcome, calcified, is_unstated, is_differing, is_uncertain';

/** Sums up the changes, one caller at a time; who reads meanwhile reads the rows of before. */
export async function foldCounts(tx: Tx, mostLoose = MOST_LOOSE): Promise<void> {
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS loose, count(DISTINCT (${COLUMNS}))::integer AS kinds FROM worklist_count`,
  );
  if (rows[0].loose - rows[0].kinds <= mostLoose) return;
  await tx.transaction(async (trx) => {
    const taken = await trx.raw("SELECT pg_try_advisory_xact_lock(hashtext('worklist_count')) AS ours");
    if (!taken.rows[0].ours) return;
    await trx.raw(
      `WITH loose AS (DELETE FROM worklist_count RETURNING *)
       INSERT INTO worklist_count SELECT ${COLUMNS}, sum(n) FROM loose GROUP BY ${COLUMNS} HAVING sum(n) <> 0`,
    );
  });
}
