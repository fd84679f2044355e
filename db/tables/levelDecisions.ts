import { randomUUID } from 'node:crypto';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';

/** What a person said of the levels drawn in one reading: the disc drawn as `drawn` is `level`, the others follow. */
export interface LevelDecisionRow {
  readonly id: string;
  readonly caseId: string;
  readonly readingId: string;
  readonly drawn: Level;
  readonly level: Level;
  readonly reason: string;
  /** 'user:anna' */
  readonly decidedBy: string;
  readonly decidedAt: Date;
}

export type NewLevelDecision = Omit<LevelDecisionRow, 'id' | 'decidedAt'>;

export async function insertLevelDecision(trx: Tx, decision: NewLevelDecision): Promise<void> {
  await trx('levelDecision').insert({ ...decision, id: randomUUID() });
}

/** The newest word about a reading. */
export async function findLevelDecision(tx: Tx, readingId: string): Promise<LevelDecisionRow | null> {
  return (await tx('levelDecision').where({ readingId }).orderBy('decidedAt', 'desc').first('*')) ?? null;
}
