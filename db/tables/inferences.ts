import { randomUUID } from 'node:crypto';
import type { Answer } from '../../agent/domain/answers.js';
import type { Level } from '../../agent/domain/levels.js';
import { json, type Tx } from '../server/knex.js';
import { levelOrder } from './levelOrder.js';

export interface InferenceRow {
  readonly id: string;
  readonly discRegionId: string;
  readonly modelId: string;
  readonly role: 'active' | 'shadow';
  /** float32: exactly as the network gave it, or held against the spine's other discs where `alone` is not null. */
  readonly probability: number;
  /** What the network gave of the region alone, float32; null where that is the probability (worker/spine.ts). */
  readonly alone: number | null;
  readonly threshold: number;
  /** Of the region's features from those the network learnt from, float32; null where the network does not say. */
  readonly distance: number | null;
  readonly answer: Answer;
  /** Why nothing is stated; empty where something is. */
  readonly reasons: readonly string[];
  /** What the answer states; null where it states nothing. The database derives it. */
  readonly calcified: boolean | null;
  readonly modelSha256: string;
  readonly pngSha256: string;
  readonly provider: string;
  readonly runtime: string;
  readonly batchSize: number;
  readonly batchPosition: number;
  /** Of the whole batch. */
  readonly milliseconds: number;
  /** Class activation map, 7 by 7 little-endian float32. */
  readonly cam: Buffer | null;
  readonly createdAt: Date;
}

export type NewInference = Omit<InferenceRow, 'id' | 'createdAt' | 'calcified'>;

/** What is there already stands: a region read again by the same model must answer the same. */
export async function insertInferences(tx: Tx, inferences: readonly NewInference[]): Promise<void> {
  if (inferences.length === 0) return;
  await tx('inference')
    .insert(
      inferences.map(({ reasons, ...inference }) => ({
        ...inference,
        reasons: json(reasons),
        id: randomUUID(),
      })),
    )
    .onConflict(['discRegionId', 'modelId'])
    .ignore();
}

export interface CaseInference extends InferenceRow {
  readonly level: Level;
  readonly modelName: string;
  readonly modelVersion: string;
}

/** All of a revision, shadows too; by model, then from the uppermost disc down. */
export async function listInferences(tx: Tx, caseId: string, revision: number): Promise<CaseInference[]> {
  const rows: CaseInference[] = await tx('inference as i')
    .join('discRegion as r', 'r.id', 'i.discRegionId')
    .join('model as m', 'm.id', 'i.modelId')
    .where({ 'r.caseId': caseId, 'r.revision': revision })
    .orderBy(['i.role', 'm.name', 'm.version'])
    .orderByRaw(levelOrder('r.level'))
    .select('i.*', 'r.level', 'm.name as modelName', 'm.version as modelVersion');
  return rows.map(exactProbability);
}

/** A real comes over the wire as its shortest decimal text; as a double that is a neighbour of the float32. */
function exactProbability<R extends Pick<InferenceRow, 'probability' | 'alone' | 'threshold' | 'distance'>>(
  row: R,
): R {
  return {
    ...row,
    probability: Math.fround(row.probability),
    alone: row.alone === null ? null : Math.fround(row.alone),
    threshold: Math.fround(row.threshold),
    distance: row.distance === null ? null : Math.fround(row.distance),
  };
}
