import { CalcidiscError } from '../agent/domain/errors.js';
import { isLevel, LEVELS, type Level } from '../agent/domain/levels.js';
import { sayLevels } from '../agent/read/decideLevels.js';
import type { Database } from '../db/server/database.js';
import type { CaseRow } from '../db/tables/cases.js';
import { commandActor } from './actor.js';

/** 'as-drawn', or DRAWN=LEVEL. @throws CalcidiscError OPTIONS_CONTRADICT */
function parseNaming(text: string): { readonly drawn: Level | null; readonly level: Level | null } {
  if (text === 'as-drawn') return { drawn: null, level: null };
  const [drawn, level] = text.toUpperCase().split('=', 2);
  if (isLevel(drawn) && isLevel(level)) return { drawn, level };
  const what = `as-drawn, or a disc and what it is, as L5-S1=L4-L5 (of ${LEVELS.join(', ')})`;
  throw new CalcidiscError('OPTIONS_CONTRADICT', `--levels takes ${what}, not ${text}`);
}

/** Says it on the database: a running agent takes the case up within seconds. */
export async function nameLevels(
  { knex }: Pick<Database, 'knex'>,
  { id }: CaseRow,
  text: string,
  drawnNow: readonly Level[],
  reason: string | undefined,
): Promise<void> {
  if (!reason)
    throw new CalcidiscError('OPTIONS_CONTRADICT', '--levels needs a --reason, for the audit trail');
  const { drawn, level } = parseNaming(text);
  const one = drawn ?? drawnNow[0] ?? LEVELS[0]!;
  const said = { caseId: id, drawn: one, level: level ?? one, reason, actor: commandActor() };
  const next = await knex.transaction((trx) => sayLevels(trx, said));
  console.log(
    `Case ${id} goes through once more by that naming, revision ${next.revision}; a running agent takes it up within seconds.`,
  );
}
