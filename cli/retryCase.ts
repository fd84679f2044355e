import { CalcidiscError } from '../agent/domain/errors.js';
import type { Config } from '../config/schema.js';
import type { Database } from '../db/server/database.js';
import type { CaseRow } from '../db/tables/cases.js';
import { sendAgain } from '../db/tables/sendAgain.js';
import { commandActor } from './actor.js';

/** A parked case goes on, and what a destination refused goes out again, on a person's word. */
export async function retry(
  { route }: Pick<Config, 'route'>,
  { knex }: Pick<Database, 'knex'>,
  row: Pick<CaseRow, 'id' | 'state'>,
  reason: string,
): Promise<void> {
  const again = await knex.transaction((trx) =>
    sendAgain(trx, route.destinations, { caseId: row.id, reason, actor: commandActor() }),
  );
  if (!again)
    throw new CalcidiscError(
      'CASE_NOT_PARKED',
      `case ${row.id} is ${row.state}, not parked, and no destination has refused a form of its report`,
    );
  const { from, refused, notices } = again;
  if (notices > 0) console.log(`${notices} notices of case ${row.id} go out again.`);
  for (const { destination, forms } of refused)
    console.log(`${destination}: ${forms.join(', ')} goes out again.`);
  if (from) console.log(`Case ${row.id} goes on from ${from}; a running agent takes it up within seconds.`);
}
