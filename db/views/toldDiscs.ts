import type { Answer } from '../../agent/domain/answers.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { FlagShare } from '../../agent/domain/flagShare.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/** What one classifier said of a disc whose level is certain, and what the CT said of it. */
export interface ToldDisc {
  readonly studyInstanceUid: string;
  readonly probability: number;
  readonly answer: Answer;
  /** null without a CT, or where either side doubts its levels. */
  readonly ctLabel: CtLabel | null;
}

const TOLD = `
  FROM inference i
  JOIN disc_region r ON r.id = i.disc_region_id
  JOIN "case" c ON c.id = r.case_id AND c.revision = r.revision AND c.joined_into IS NULL
  JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR' AND l.status = 'located'`;

/** All of the site's studies, the oldest answer first. */
export async function listToldDiscs(tx: Tx, modelId: string): Promise<ToldDisc[]> {
  const { rows } = await tx.raw(
    `SELECT c.mr_study_instance_uid AS study_instance_uid, i.probability, i.answer,
            CASE WHEN lct.status = 'located' THEN m.label END AS ct_label ${TOLD}
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
       LEFT JOIN ct_measurement m ON m.case_id = c.id AND m.revision = c.revision AND m.level = r.level
      WHERE i.model_id = ? ORDER BY i.created_at, ${levelOrder('r.level')}`,
    [modelId],
  );
  return rows.map((row: ToldDisc) => ({ ...row, probability: Math.fround(row.probability) }));
}

/** Of the last `over` discs of which the deciding classifier said yes or no. @returns null when none decides */
export async function countFlagged(tx: Tx, over: number): Promise<FlagShare | null> {
  const active = await tx('model')
    .where({ kind: 'classifier', state: 'active' })
    .first('id', 'name', 'version');
  if (!active) return null;
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS told, (count(*) FILTER (WHERE calcified))::integer AS flagged
       FROM (SELECT i.calcified ${TOLD}
              WHERE i.model_id = ? AND i.role = 'active' AND i.calcified IS NOT NULL
              ORDER BY i.created_at DESC LIMIT ?) AS last`,
    [active.id, over],
  );
  return { model: `${active.name}@${active.version}`, ...rows[0] };
}
