import { type Logger, pino } from 'pino';
import type { Config } from './schema.js';

export type { Logger } from 'pino';

/** Logs go to stderr as JSON lines, so that stdout stays free for a command's own answer. UIDs only, no names. */
export function createLogger(config: Pick<Config, 'log'>, name = 'calcidisc'): Logger {
  return pino({ name, level: config.log.level, base: { name } }, pino.destination({ dest: 2, sync: true }));
}
