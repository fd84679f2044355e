import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';

/** What a person said about whose two studies are; of a study and itself: about what its own images say. */
export interface IdentityDecisionRow {
  readonly id: string;
  readonly caseId: string;
  readonly studyInstanceUid: string;
  readonly otherStudyInstanceUid: string;
  /** 'released': go on as it stands, without saying whose it is. */
  readonly verdict: 'same' | 'different' | 'released';
  /** The ways to name the patient that it was about (study_identity). */
  readonly identityIds: readonly string[];
  readonly reason: string;
  readonly decidedBy: string;
  readonly decidedAt: Date;
}

export type NewIdentityDecision = Omit<IdentityDecisionRow, 'id' | 'decidedAt'>;

export async function insertIdentityDecision(trx: Tx, decision: NewIdentityDecision): Promise<void> {
  await trx('identityDecision').insert({
    ...decision,
    id: randomUUID(),
    identityIds: [...decision.identityIds],
  });
}

/** What counts of a study: the newest word about it and each other study. */
export async function listIdentityDecisions(
  tx: Tx,
  studyInstanceUid: string,
): Promise<readonly IdentityDecisionRow[]> {
  const { rows } = await tx.raw(
    `SELECT DISTINCT ON (other_study_instance_uid) * FROM identity_decision
      WHERE study_instance_uid = ? ORDER BY other_study_instance_uid, decided_at DESC`,
    [studyInstanceUid],
  );
  return rows;
}
