import type { Command } from 'commander';
import { register as audit } from './commands/audit.js';
import { register as echo } from './commands/echo.js';
import { register as migrate } from './commands/migrate.js';
import { register as send } from './commands/send.js';
import { register as up } from './commands/up.js';

/** One file per command; each adds itself to the program. Order is the order of `--help`. */
export type Register = (program: Command) => void;

export const commands: readonly Register[] = [up, send, echo, migrate, audit];
