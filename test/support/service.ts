import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { OPEN_PAGE, type TestDatabase } from './database.js';

/** Of an agent and worker on a test's own database, on ports of their own; `changes` as in a configuration file. */
export function serviceConfig(
  { config: { dataDir, database } }: TestDatabase,
  changes: Readonly<Record<string, unknown>> = {},
): Config {
  return parseConfig({
    dataDir,
    database: { url: database.url! },
    queue: { sweepMs: 500 },
    dicom: { port: 0 },
    ...changes,
    http: { port: 0, ...OPEN_PAGE, ...(changes.http as object | undefined) },
    // A test that says nothing of it does not wait for half a minute.
    assemble: { studyQuietMs: 1_500, ...(changes.assemble as object | undefined) },
  });
}
