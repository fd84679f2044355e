import { type Logger, pino } from 'pino';
import { rememberTrouble } from './recentLog.js';
import type { Config } from './schema.js';

export type { Logger } from 'pino';

/** Logs go to stderr as JSON lines, so that stdout stays free for a command's own answer. UIDs only, no names. */
export function createLogger(config: { readonly log: LogConfig }, name = 'calcidisc'): Logger {
  const { level, format } = config.log;
  const lines = pino.destination({ dest: 2, sync: true });
  const options = { name, level, base: { name } };
  const stream = {
    // pino tells such a stream the level of each line: only those that are kept have to be read again.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      if (this.lastLevel >= pino.levels.values.warn!) keepTrouble(JSON.parse(line) as Entry);
      lines.write(format === 'pretty' ? prettyLine(line) : line);
    },
  };
  return pino(options, stream);
}

type LogConfig = Pick<Config['log'], 'level'> & Partial<Config['log']>;

type Entry = Record<string, unknown> & { level: number; time: number };

function keepTrouble(entry: Entry): void {
  const error = entry.err as { message?: string } | undefined;
  const said = [entry.msg, error?.message].filter((words) => typeof words === 'string');
  rememberTrouble({
    at: new Date(entry.time),
    level: pino.levels.labels[entry.level] ?? String(entry.level),
    part: String(entry.part ?? entry.name),
    message: [...new Set(said)].join(': '),
    facts: factsOf(entry).join(' '),
  });
}

const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['level', 'time', 'name', 'part', 'msg', 'err']);

/** `2026-01-31 08:15:02.123 WARN agent: a step failed  caseId=… ` and, below it, an error's stack. */
export function prettyLine(line: string): string {
  const entry = JSON.parse(line) as Entry;
  const at = new Date(entry.time).toISOString().replace('T', ' ').slice(0, 23);
  const level = (pino.levels.labels[entry.level] ?? String(entry.level)).toUpperCase().padEnd(5);
  const error = entry.err as { message?: string; stack?: string } | undefined;
  const head = [
    at,
    level,
    `${entry.part ?? entry.name}:`,
    entry.msg ?? error?.message ?? '',
    ...factsOf(entry),
  ];
  return `${head.join(' ')}\n${error?.stack ? `${error.stack.replace(/^/gm, '    ')}\n` : ''}`;
}

function factsOf(entry: Entry): string[] {
  return Object.entries(entry)
    .filter(([key]) => !SHOWN_ELSEWHERE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
}
