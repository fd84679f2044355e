import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';

/** What a person said of an alarm of the quality watch; rows are added and never changed. */
export interface QualityAcknowledgement {
  readonly id: string;
  /** scope|figure|rule|day */
  readonly alarm: string;
  /** What is there now is right: the chart begins again the day after. */
  readonly isNewBase: boolean;
  readonly reason: string;
  /** 'user:anna' */
  readonly acknowledgedBy: string;
  readonly acknowledgedAt: Date;
}

/** The oldest first: of two about one alarm the later one counts. */
export function listAcknowledgements(tx: Tx): Promise<QualityAcknowledgement[]> {
  return tx('qualityAcknowledgement').orderBy('acknowledgedAt').select('*');
}

export async function acknowledgeAlarm(
  tx: Tx,
  said: Pick<QualityAcknowledgement, 'alarm' | 'isNewBase' | 'reason' | 'acknowledgedBy'>,
): Promise<void> {
  await tx.transaction(async (trx) => {
    await trx('qualityAcknowledgement').insert({ id: randomUUID(), ...said });
    await appendAudit(trx, {
      event: 'QUALITY_ALARM_ACKNOWLEDGED',
      subjectType: 'alarm',
      subjectId: said.alarm,
      actor: said.acknowledgedBy,
      detail: { reason: said.reason, newBase: said.isNewBase },
    });
  });
}
