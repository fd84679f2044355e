import type { Command } from 'commander';

/** One file per command; each adds itself to the program. Order is the order of `--help`. */
export type Register = (program: Command) => void;

export const commands: readonly Register[] = [];
