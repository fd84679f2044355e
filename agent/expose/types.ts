import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Queues } from '../../db/work/queue.js';

export interface HttpParts {
  readonly config: Pick<Config, 'http'>;
  readonly database: Pick<Database, 'knex'>;
  readonly queues: Pick<Queues, 'depth'>;
  readonly log: Logger;
}
