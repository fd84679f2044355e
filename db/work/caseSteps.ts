import type { Knex } from 'knex';
import { type CaseRow, type MoveWithResults, moveCase, moveCases } from '../tables/cases.js';
import { insertInferences } from '../tables/inferences.js';
import { gather } from './gather.js';
import { type Step, startStep, startSteps } from './steps.js';

/** How a step is taken, and how it ends well: its results, the new state and the audit event in one transaction. */
export interface CaseSteps {
  /** @returns null when there is nothing to do (startStep) */
  start(step: Step): Promise<CaseRow | null>;
  /** @throws StaleCase and commits nothing of the case when it has moved on */
  advance(move: MoveWithResults): Promise<CaseRow>;
}

/** Each case by itself. */
export function oneByOne(knex: Knex, maxAttempts: number): CaseSteps {
  return {
    start: (step) => startStep(knex, { ...step, maxAttempts }),
    advance: ({ save, inferences, ...move }) =>
      knex.transaction(async (trx) => {
        await save?.(trx);
        await insertInferences(trx, inferences ?? []);
        return moveCase(trx, move);
      }),
  };
}

export interface Together {
  readonly maxAttempts: number;
  /** At most so many cases in one transaction. */
  readonly limit: number;
  /** A case waits so long for company. */
  readonly waitMs: number;
}

/**
 * Cases of one kind of step that come together are taken by one statement and written in one transaction: a case
 * then costs a fraction of the round trips, parses and commits. Where that transaction fails, each case gets its own.
 */
export function together(knex: Knex, { maxAttempts, limit, waitMs }: Together): CaseSteps {
  return {
    start: gather<Step, CaseRow | null>({
      limit,
      waitMs,
      run: (steps) => startSteps(knex, steps, { maxAttempts }),
    }),
    advance: gather<MoveWithResults, CaseRow>({
      limit,
      waitMs,
      run: (moves) => knex.transaction((trx) => moveCases(trx, moves)),
    }),
  };
}
