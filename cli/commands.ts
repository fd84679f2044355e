import type { Command } from 'commander';
import { register as audit } from './commands/audit.js';
import { register as backfill } from './commands/backfill.js';
import { register as backup } from './commands/backup.js';
import { register as caseCommand } from './commands/case.js';
import { register as classify } from './commands/classify.js';
import { register as ct } from './commands/ct.js';
import { register as dataset } from './commands/dataset.js';
import { register as demo } from './commands/demo.js';
import { register as doctor } from './commands/doctor.js';
import { register as echo } from './commands/echo.js';
import { register as evaluate } from './commands/evaluate.js';
import { register as find } from './commands/find.js';
import { register as list } from './commands/list.js';
import { register as locate } from './commands/locate.js';
import { register as migrate } from './commands/migrate.js';
import { register as model } from './commands/model.js';
import { register as phantom } from './commands/phantom.js';
import { register as purge } from './commands/purge.js';
import { register as quality } from './commands/quality.js';
import { register as read } from './commands/read.js';
import { register as reading } from './commands/reading.js';
import { register as replay } from './commands/replay.js';
import { register as report } from './commands/report.js';
import { register as reports } from './commands/reports.js';
import { register as restore } from './commands/restore.js';
import { register as rules } from './commands/rules.js';
import { register as seed } from './commands/seed.js';
import { register as send } from './commands/send.js';
import { register as study } from './commands/study.js';
import { register as token } from './commands/token.js';
import { register as up } from './commands/up.js';
import { register as user } from './commands/user.js';
import { register as worker } from './commands/worker.js';

/** One file per command; each adds itself to the program. Order is the order of `--help`. */
export type Register = (program: Command) => void;

export const commands: readonly Register[] = [
  up,
  demo,
  list,
  caseCommand,
  find,
  send,
  echo,
  doctor,
  read,
  rules,
  backfill,
  locate,
  ct,
  migrate,
  audit,
  quality,
  user,
  token,
  backup,
  restore,
  purge,
  worker,
  classify,
  model,
  replay,
  phantom,
  report,
  reports,
  reading,
  dataset,
  evaluate,
  study,
  seed,
];
