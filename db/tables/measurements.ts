import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import { json, type Tx } from '../server/knex.js';
import { levelOrder } from './levelOrder.js';

export interface MeasurementRow {
  readonly caseId: string;
  readonly revision: number;
  readonly level: Level;
  readonly label: CtLabel;
  readonly meanHu: number | null;
  readonly maxHu: number | null;
  readonly areaMm2: number;
  /** The range that counts as calcified, Hounsfield units. */
  readonly huLow: number;
  readonly huHigh: number;
  readonly centrePatientMm: readonly [number, number, number];
  readonly centrePixel: readonly [number, number];
  readonly roiPixel: readonly [number, number, number, number];
  /** 0..1 */
  readonly confidence: number;
  readonly createdAt: Date;
}

export type NewMeasurement = Omit<MeasurementRow, 'createdAt'>;

/** @returns how many were new; a measurement that the revision has already stands */
export async function insertMeasurements(tx: Tx, measurements: readonly NewMeasurement[]): Promise<number> {
  if (measurements.length === 0) return 0;
  const rows = await tx('ctMeasurement')
    .insert(
      measurements.map((measurement) => ({
        ...measurement,
        centrePatientMm: json(measurement.centrePatientMm),
        centrePixel: json(measurement.centrePixel),
        roiPixel: json(measurement.roiPixel),
      })),
    )
    .onConflict(['caseId', 'revision', 'level'])
    .ignore()
    .returning('level');
  return rows.length;
}

/** From above down. */
export function listMeasurements(tx: Tx, caseId: string, revision: number): Promise<MeasurementRow[]> {
  return tx('ctMeasurement').where({ caseId, revision }).orderByRaw(levelOrder('level')).select('*');
}
