import type { ModelRow } from '../../db/tables/models.js';
import type { SeedIds } from './ids.js';
import type { SeedPictures } from './pictures.js';

export type Row = Readonly<Record<string, unknown>>;
export type RowsByTable = Record<SeedTable, Row[]>;

/** In the order in which they refer to each other. */
export const SEED_TABLES = [
  'study',
  'study_identity',
  'series',
  'case',
  'pairing',
  'localisation',
  'disc_region',
  'ct_measurement',
  'inference',
] as const;
export type SeedTable = (typeof SEED_TABLES)[number];

export interface SeedModel {
  readonly row: ModelRow;
  readonly threshold: number;
}

export interface RowContext {
  readonly ids: SeedIds;
  readonly firstDay: string;
  readonly models: readonly SeedModel[];
  readonly localiser: { readonly name: string; readonly version: string; readonly sha256: string };
  readonly pictures: SeedPictures;
}

/** What a study is in every table, under names that are plainly invented. */
export interface StudyNames {
  readonly caseId: string;
  readonly study: string;
  readonly mr: string;
  readonly ctStudy: string;
  readonly ct: string;
  readonly mrDate: string;
  readonly ctDate: string | null;
  readonly createdAt: Date;
  readonly patientId: string;
  readonly patientName: string;
  readonly birthDate: string;
  readonly accessionNumber: string;
}
