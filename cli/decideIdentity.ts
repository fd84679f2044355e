import { CalcidiscError } from '../agent/domain/errors.js';
import { IDENTITY_WORDS, type IdentityWord, sayIdentity } from '../agent/pair/decide.js';
import type { Database } from '../db/server/database.js';
import type { CaseRow } from '../db/tables/cases.js';
import { commandActor } from './actor.js';

/** The options of `case` that decide a doubt of identity. */
export interface DecisionOptions {
  readonly samePatient?: boolean;
  readonly notThePatient?: boolean;
  readonly release?: boolean;
  readonly reason?: string;
}

const WORD_OPTIONS = {
  samePatient: 'same-patient',
  notThePatient: 'not-the-patient',
  release: 'release',
} as const satisfies Partial<Record<keyof DecisionOptions, IdentityWord>>;

/** @throws CalcidiscError when two contradict each other */
export function wordOf(options: DecisionOptions): IdentityWord | null {
  const said = (Object.keys(WORD_OPTIONS) as (keyof typeof WORD_OPTIONS)[]).filter((each) => options[each]);
  if (said.length > 1)
    throw new CalcidiscError(
      'OPTIONS_CONTRADICT',
      'say one of --same-patient, --not-the-patient and --release',
    );
  return said[0] ? WORD_OPTIONS[said[0]] : null;
}

/** Says it on the database: a running agent takes the case up within seconds. */
export async function decide(
  { knex }: Pick<Database, 'knex'>,
  { id }: CaseRow,
  word: IdentityWord,
  reason = '',
): Promise<void> {
  const said = { caseId: id, word, reason: reason || IDENTITY_WORDS[word], actor: commandActor() };
  const next = await knex.transaction((trx) => sayIdentity(trx, said));
  console.log(
    next.state === 'parked'
      ? `Case ${id} stays held, and the trail says why.`
      : `Case ${id} goes on from ${next.state}, revision ${next.revision}; a running agent takes it up within seconds.`,
  );
}
