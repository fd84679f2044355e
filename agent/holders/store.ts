import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { listStores, noteStoreSeen, openStore } from '../../db/tables/stores.js';
import { CalcidiscError } from '../domain/errors.js';
import { sharedPathOf, unseen } from './shared.js';

/** A shorter one could be guessed. */
const LEAST_LETTERS = 16;

/** @returns null where no agent gives its images to another. @throws CalcidiscError SECRET_INVALID */
export async function agentsSecret({ secretFile }: Config['agents']): Promise<string | null> {
  if (secretFile === undefined) return null;
  const text = await readFile(secretFile, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code ?? cause.message;
    throw new CalcidiscError('SECRET_INVALID', `agents.secretFile: ${secretFile} cannot be read (${why})`);
  });
  const secret = text.trim();
  if (secret.length >= LEAST_LETTERS) return secret;
  throw new CalcidiscError(
    'SECRET_INVALID',
    `agents.secretFile: ${secretFile} has to hold ${LEAST_LETTERS} letters or more (openssl rand -hex 32)`,
  );
}

const SEEN_MS = 30_000;

/** Says who holds this data folder, and now and then that it is there: since when an agent is away is known by that. @throws CalcidiscError SHARED_FOLDER */
export async function announceStore(
  config: Pick<Config, 'agents' | 'dataDir'>,
  { knex }: Pick<Database, 'knex'>,
  number: number,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const { agents } = config;
  const name = agents.name ?? hostname();
  const address = agents.secretFile === undefined ? null : (agents.address ?? null);
  const sharedPath = await sharedPathOf(config);
  await openStore(knex, { number, name, address, sharedPath });
  const others = (await listStores(knex)).filter((store) => store.number !== number);
  if (agents.sharedFolder !== undefined)
    for (const other of others) {
      const why = await unseen(agents.sharedFolder, other);
      if (why) log.warn({ agent: other.name }, `images are not read from the shared folder: ${why}`);
    }
  else if (others.length > 0 && address === null)
    log.warn(
      { others: others.map((store) => store.name) },
      'other agents work on this database, and this one gives them no images: set agents.secretFile and agents.address, or agents.sharedFolder',
    );
  const timer = setInterval(() => {
    noteStoreSeen(knex, number).catch(() => undefined);
  }, SEEN_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await noteStoreSeen(knex, number).catch(() => undefined);
    },
  };
}
