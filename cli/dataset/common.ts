import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { commandActor } from '../actor.js';
import { withDatabase as openFor } from '../database.js';

export interface Opened {
  readonly config: Config;
  readonly database: Database;
  /** 'user:anna', for the audit trail. */
  readonly actor: string;
}

export function withDatabase<T>(command: Command, use: (opened: Opened) => Promise<T>): Promise<T> {
  return openFor(command, ({ config, database }) => use({ config, database, actor: commandActor() }));
}

/** Beside the data, not in it: whoever copies an export does not copy the key. */
export function keyFileOf({ key }: { readonly key?: string }, { dataDir }: Pick<Config, 'dataDir'>): string {
  return key ?? join(dataDir, 'dataset.key');
}

export function parseWhole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number.');
}

export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 1000) return value;
  throw new InvalidArgumentError('It is a number above 0, for example 1 or 2.5.');
}

export function parseDate(text: string): string {
  const day = new Date(`${text}T00:00:00Z`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text))
    return text;
  throw new InvalidArgumentError('It is a date as 2026-01-31.');
}

export function parseName(text: string): string {
  const name = text.trim();
  if (name !== '' && name.length <= 64) return name;
  throw new InvalidArgumentError('It has 1 to 64 characters.');
}

/** '1 case', '2 cases' */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
