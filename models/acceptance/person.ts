import { join } from 'node:path';
import { type Header, readHeader } from '../../agent/dicom/header.js';
import { bmiGroupOf, bmiWords } from '../../agent/domain/bmiBands.js';
import type { Tx } from '../../db/server/knex.js';
import { listInstances } from '../../db/tables/instances.js';
import type { AcceptanceCase } from '../../db/views/acceptance.js';
import { ageText, bmiText, sexText } from '../dataset/person.js';

/** By what figures are told apart; a group's name each, 'unknown' where the images do not say. */
export interface Traits {
  readonly scanner: string;
  readonly age: string;
  readonly sex: string;
  readonly bmi: string;
}

export const UNKNOWN = 'unknown';
const SEX: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };

/** Scanner, size and weight stand in the images alone: of each case one header is read. */
export async function traitsOf(tx: Tx, dataDir: string, row: AcceptanceCase): Promise<Traits> {
  const [first] = await listInstances(tx, row.mrSeriesInstanceUid);
  // Without its file a case still counts.
  const header: Header | null = first
    ? await readHeader(join(dataDir, first.spoolPath)).catch(() => null)
    : null;
  const scanner = [header?.manufacturer, header?.manufacturerModelName].filter(Boolean).join(' ');
  return {
    scanner: scanner || UNKNOWN,
    age: ageGroup(ageText(row.patientBirthDate, row.mrDate, header?.patientAge ?? null)),
    sex: SEX[sexText(row.patientSex)] ?? UNKNOWN,
    bmi: bmiGroup(bmiText(header?.patientSize ?? null, header?.patientWeight ?? null)),
  };
}

/** Of twenty years each. */
export function ageGroup(years: string): string {
  if (years === '') return UNKNOWN;
  const from = Math.floor(Number.parseInt(years, 10) / 20) * 20;
  return from >= 80 ? '80 and more' : `${from} to ${from + 19}`;
}

export function bmiGroup(bmi: string): string {
  return bmi === '' ? UNKNOWN : bmiWords(bmiGroupOf(Number(bmi)));
}
