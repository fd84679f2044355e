import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';

/** Patients who want no part in research: no export has them, whoever issued the id. */
export interface OptOutRow {
  readonly patientId: string;
  readonly recordedBy: string;
  readonly createdAt: Date;
}

/** @returns false when the patient had opted out already */
export function insertOptOut(tx: Tx, patientId: string, recordedBy: string): Promise<boolean> {
  return tx.transaction(async (trx) => {
    const rows = await trx('researchOptOut')
      .insert({ patientId, recordedBy })
      .onConflict('patientId')
      .ignore()
      .returning('patientId');
    if (rows.length === 0) return false;
    await appendAudit(trx, { event: 'RESEARCH_OPTED_OUT', ...about(patientId), actor: recordedBy });
    return true;
  });
}

/** @returns false when the patient had not opted out */
export function deleteOptOut(tx: Tx, patientId: string, actor: string): Promise<boolean> {
  return tx.transaction(async (trx) => {
    const count = await trx('researchOptOut').where({ patientId }).delete();
    if (count === 0) return false;
    await appendAudit(trx, { event: 'RESEARCH_OPT_OUT_ENDED', ...about(patientId), actor });
    return true;
  });
}

export function listOptOuts(tx: Tx): Promise<OptOutRow[]> {
  return tx('researchOptOut').orderBy('patientId').select('*');
}

function about(patientId: string) {
  return { subjectType: 'patient', subjectId: patientId };
}
