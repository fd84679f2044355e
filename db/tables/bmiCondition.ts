import { BMI_BANDS, type BmiGroup } from '../../agent/domain/bmiBands.js';

/** In SQL, on a column `bmi`: whether it lies in a group. */
export function bmiCondition(group: BmiGroup, column = 'bmi'): string {
  if (group === 'not-said') return `${column} IS NULL`;
  const { from, below } = BMI_BANDS[group];
  return [from !== null && `${column} >= ${from}`, below !== null && `${column} < ${below}`]
    .filter(Boolean)
    .join(' AND ');
}
