import { type Logger, pino } from 'pino';
import type { Config } from './schema.js';

export type { Logger } from 'pino';

/** Logs go to stderr as JSON lines, so that stdout stays free for a command's own answer. UIDs only, no names. */
export function createLogger(config: { readonly log: LogConfig }, name = 'calcidisc'): Logger {
  const { level, format } = config.log;
  const lines = pino.destination({ dest: 2, sync: true });
  const options = { name, level, base: { name } };
  return format === 'pretty'
    ? pino(options, { write: (line) => lines.write(prettyLine(line)) })
    : pino(options, lines);
}

type LogConfig = Pick<Config['log'], 'level'> & Partial<Config['log']>;

const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['level', 'time', 'name', 'part', 'msg', 'err']);

/** `2026-01-31 08:15:02.123 WARN agent: a step failed  caseId=… ` and, below it, an error's stack. */
export function prettyLine(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown> & { level: number; time: number };
  const at = new Date(entry.time).toISOString().replace('T', ' ').slice(0, 23);
  const level = (pino.levels.labels[entry.level] ?? String(entry.level)).toUpperCase().padEnd(5);
  const facts = Object.entries(entry)
    .filter(([key]) => !SHOWN_ELSEWHERE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  const error = entry.err as { message?: string; stack?: string } | undefined;
  const head = [at, level, `${entry.part ?? entry.name}:`, entry.msg ?? error?.message ?? '', ...facts];
  return `${head.join(' ')}\n${error?.stack ? `${error.stack.replace(/^/gm, '    ')}\n` : ''}`;
}
