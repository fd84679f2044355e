import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { CalcidiscError } from '../agent/domain/errors.js';
import { loadConfig } from '../config/load.js';
import { createLogger, type Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import { type Database, openDatabase, type SchemaWanted } from '../db/server/database.js';
import { onInterrupt } from './interrupt.js';

export interface DatabaseUse {
  /** 'current': what is older or newer than this program is refused; 'upgrade': older is brought up to date. */
  readonly schema?: SchemaWanted;
  /** Whether the command may make a database where there is none: then only where a person said where. */
  readonly makes?: boolean;
  readonly logLevel?: Config['log']['level'];
}

export interface OpenedDatabase {
  readonly config: Config;
  readonly database: Database;
  readonly log: Logger;
}

/**
 * The database of the configuration, for a command that looks or changes and ends.
 * @throws CalcidiscError DATABASE_MISSING where there is none, DATABASE_UNAVAILABLE, DATABASE_OTHER_VERSION
 */
export async function withDatabase<T>(
  command: Command,
  use: (opened: OpenedDatabase) => Promise<T>,
  { schema = 'current', makes = false, logLevel }: DatabaseUse = {},
): Promise<T> {
  const { config: file } = command.optsWithGlobals<{ config?: string }>();
  const config = loadConfig(process.env, file);
  const log = createLogger(logLevel ? { log: { ...config.log, level: logLevel } } : config);
  const isSaid = file !== undefined || Boolean(process.env.CALCIDISC_CONFIG ?? process.env.CALCIDISC_DATA);
  if (!(makes && isSaid)) refuseMissing(config);
  const opening = openDatabase(config, log, { schema });
  // Also while it opens: an embedded server on its way up would go on alone.
  const taken = onInterrupt(async () => (await opening).close());
  try {
    const database = await opening;
    return await use({ config, database, log }).finally(() => database.close());
  } finally {
    taken();
  }
}

/** A command that looks would find an empty database, made where it stands, and say that nothing is there. */
function refuseMissing({ dataDir, database }: Config): void {
  if (database.url || existsSync(join(dataDir, 'postgres'))) return;
  throw new CalcidiscError(
    'DATABASE_MISSING',
    `there is no database in ${resolve(dataDir)}: say where it is with --config FILE, CALCIDISC_DATA or DATABASE_URL ` +
      '(`calcidisc up` makes a new one)',
  );
}
