import type { Command } from 'commander';

/** One file per command; each adds itself to the program. */
export type Register = (program: Command) => void;

/** By the name that is typed, in the order of `--help`. Loaded when asked for: one command needs a fifth of all the libraries. */
const commands = {
  up: () => import('./commands/up.js'),
  demo: () => import('./commands/demo.js'),
  list: () => import('./commands/list.js'),
  case: () => import('./commands/case.js'),
  find: () => import('./commands/find.js'),
  send: () => import('./commands/send.js'),
  echo: () => import('./commands/echo.js'),
  doctor: () => import('./commands/doctor.js'),
  read: () => import('./commands/read.js'),
  rules: () => import('./commands/rules.js'),
  backfill: () => import('./commands/backfill.js'),
  locate: () => import('./commands/locate.js'),
  ct: () => import('./commands/ct.js'),
  migrate: () => import('./commands/migrate.js'),
  audit: () => import('./commands/audit.js'),
  quality: () => import('./commands/quality.js'),
  user: () => import('./commands/user.js'),
  token: () => import('./commands/token.js'),
  backup: () => import('./commands/backup.js'),
  restore: () => import('./commands/restore.js'),
  purge: () => import('./commands/purge.js'),
  worker: () => import('./commands/worker.js'),
  classify: () => import('./commands/classify.js'),
  model: () => import('./commands/model.js'),
  replay: () => import('./commands/replay.js'),
  phantom: () => import('./commands/phantom.js'),
  report: () => import('./commands/report.js'),
  reports: () => import('./commands/reports.js'),
  reading: () => import('./commands/reading.js'),
  dataset: () => import('./commands/dataset.js'),
  evaluate: () => import('./commands/evaluate.js'),
  study: () => import('./commands/study.js'),
  seed: () => import('./commands/seed.js'),
} satisfies Record<string, () => Promise<{ readonly register: Register }>>;

/**
 * @returns the commands that are named among `words`, none for the version; all of them when none is named, for help
 * and for the likest name
 */
export async function commandsNamed(words: readonly string[]): Promise<readonly Register[]> {
  if (words.length === 1 && ['-V', '--version'].includes(words[0]!)) return [];
  const named = Object.entries(commands).filter(([name]) => words.includes(name));
  const wanted = named.length > 0 ? named : Object.entries(commands);
  return (await Promise.all(wanted.map(([, load]) => load()))).map(({ register }) => register);
}
