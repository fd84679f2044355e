import type { Database } from '../../db/server/database.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { findPairing } from '../../db/tables/pairings.js';

/** What each state means to somebody who watches, in the order of the path. */
const WORDS = {
  received: 'MR complete, looking for its CT',
  paired: 'paired with the CT, looking for the discs',
  located: 'discs found, regions cut out, waiting for the classifier',
  classified: 'every disc classified, writing the report',
  reported: 'report written, sending it to the PACS',
  delivered: 'the PACS has the report',
  closed: 'closed: there is nothing to report',
  parked: 'parked: a person has to look',
} as const satisfies Record<CaseRow['state'], string>;

const POLL_MS = 20;

/**
 * Follows the one case of the study until it is delivered with its CT, telling each state it passes once.
 * @throws Error when it parks, or is not there within the limit
 */
export async function followCase(
  database: Database,
  mrStudyInstanceUid: string,
  tell: (line: string, sinceMs: number) => void,
  limitMs = 120_000,
): Promise<CaseRow> {
  const begin = performance.now();
  let last = '';
  while (performance.now() - begin < limitMs) {
    const [row] = await listCases(database.knex, { mrStudyInstanceUid, limit: 1 });
    const state = row ? `${row.revision}.${row.state}` : 'none';
    if (row && state !== last) {
      last = state;
      tell(
        `${row.revision > 1 ? `revision ${row.revision}: ` : ''}${WORDS[row.state]}`,
        performance.now() - begin,
      );
    }
    if (row?.state === 'parked')
      throw new Error(`the case was parked: ${row.lastErrorCode}: ${row.lastError}`);
    if (row?.state === 'delivered' && (await isPaired(database, row))) return row;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the report was not in the PACS within ${limitMs / 1000} s`);
}

async function isPaired({ knex }: Database, { id, revision }: CaseRow): Promise<boolean> {
  return (await findPairing(knex, id, revision))?.outcome === 'paired';
}
