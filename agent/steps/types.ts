import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { CaseRow } from '../../db/cases.js';
import type { Database } from '../../db/database.js';
import type { StepEnd } from '../../db/runStep.js';
import type { Locator } from '../locate/pool.js';

/** What every step of a case may use. */
export interface StepContext {
  readonly config: Config;
  readonly database: Database;
  readonly locator: Locator;
  readonly log: Logger;
}

/** Finds out, writes nothing: what it found is saved and the case moved in one transaction (db/runStep.ts). */
export type AgentStep = (context: StepContext, row: CaseRow) => Promise<StepEnd>;
