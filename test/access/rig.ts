import { createAccount } from '../../agent/access/accounts.js';
import { hashPassword } from '../../agent/access/passwords.js';
import { addToken } from '../../agent/access/tokens.js';
import type { WebDoor } from '../../agent/dicom/web/door.js';
import type { Role, TokenRole } from '../../agent/domain/access.js';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import type { Logger } from '../../config/log.js';
import { type Config, ConfigSchema } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { quietLog } from '../support/database.js';

export const PASSWORD = 'seven green herons';
let hash: Promise<string> | undefined;

/** One hash for all: a tenth of a second each. */
export async function person(database: Database, name: string, role: Role) {
  hash ??= hashPassword(PASSWORD);
  return createAccount(database.knex, { name, role, actor: 'user:test', passwordHash: await hash });
}

export async function token(database: Database, name: string, role: TokenRole): Promise<string> {
  return (await addToken(database.knex, { name, role, days: 1, actor: 'user:test' })).text;
}

/** The page on a port of its own, with `http` as a configuration file has it. */
export function page(
  { config, database }: { readonly config: Config; readonly database: Database },
  http: Readonly<Record<string, unknown>> = {},
  log: Logger = quietLog,
  door?: WebDoor,
): Promise<RunningHttp> {
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
  const changed = ConfigSchema.shape.http.parse({ port: 0, access: 'required', ...http });
  return startHttp({ config: { ...config, http: changed }, database, queues, log, ...(door && { door }) });
}
