import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';

/** A case as a person names it on the command line. */
const NAMED = `
  SELECT c.id, s.accession_number = :wanted AND :wanted <> '' AS by_accession
    FROM "case" c JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
   WHERE (:prefix::text IS NOT NULL AND c.id::text LIKE :prefix || '%')
      OR (s.accession_number = :wanted AND :wanted <> '') OR c.mr_study_instance_uid = :wanted
   ORDER BY c.created_at DESC LIMIT 10`;

/**
 * The one case that a text names: its id or enough of its beginning, its accession number, its Study Instance UID.
 * @returns the case's id, null when there is none
 * @throws CalcidiscError CASE_AMBIGUOUS naming the cases
 */
export async function findNamedCase(tx: Tx, text: string): Promise<string | null> {
  const prefix = /^[0-9a-f-]{1,36}$/i.test(text) ? text.toLowerCase() : null;
  const { rows } = await tx.raw(NAMED, { wanted: text, prefix });
  const ids: string[] = rows.map(({ id }: { id: string }) => id);
  if (ids.length < 2) return ids[0] ?? null;
  throw new CalcidiscError('CASE_AMBIGUOUS', `more than one case is meant by ${text}: ${ids.join(', ')}`);
}
