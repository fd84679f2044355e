import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { CaseRow } from '../../db/tables/cases.js';
import type { StepEnd } from '../../db/work/runStep.js';
import type { Files } from '../holders/files.js';
import type { Reader } from '../read/reader.js';

/** What every step of a case may use. */
export interface StepContext {
  readonly config: Config;
  readonly database: Database;
  readonly files: Files;
  readonly reader: Reader;
  /** Whether the source of a study says that all of it is here. */
  isStudyWhole(studyInstanceUid: string): Promise<boolean>;
  /** Something is to be read. */
  wakeReadings(): void;
  /** The moment the index has caught up with, milliseconds since the epoch: silence is judged as of then. */
  indexedUntilMs(): number;
  /** Aborted when the process stops. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Finds out, writes nothing: what it found is saved and the case moved in one transaction (db/work/runStep.ts). */
export type AgentStep = (context: StepContext, row: CaseRow) => Promise<StepEnd>;
