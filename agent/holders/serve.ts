import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { findInstance } from '../../db/tables/instances.js';
import { CalcidiscError } from '../domain/errors.js';

/** Before the SOP Instance UID. */
export const IMAGES_PATH = '/images/';

export interface ServeParts {
  readonly config: Pick<Config, 'agents' | 'dataDir'>;
  readonly database: Pick<Database, 'knex'>;
  /** Our own. */
  readonly store: number;
  readonly secret: string;
  readonly log: Logger;
}

/**
 * Gives other agents the files of images that came to this one, to whoever shows the secret, and nothing else: a
 * listener of its own, so that no wider address of the page is needed.
 * @throws CalcidiscError AGENTS_LISTENER when the address cannot be listened on
 */
export async function serveImages(parts: ServeParts): Promise<{ close(): Promise<void> }> {
  const { config, log } = parts;
  const server = createServer((request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      log.warn({ err: error }, 'an image could not be given to another agent');
      response.destroy();
    });
  });
  server.listen(config.agents.port, config.agents.host);
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    const where = `agents.host ${config.agents.host}, agents.port ${config.agents.port}`;
    throw new CalcidiscError(
      'AGENTS_LISTENER',
      `${where}: cannot be listened on (${cause.code ?? cause.message})`,
    );
  });
  return {
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(parts: ServeParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { config, database, store, log } = parts;
  const from = request.socket.remoteAddress;
  if (!isKnown(request.headers.authorization, parts.secret)) {
    log.warn({ from }, 'somebody without the secret of the agents asked for an image');
    return end(response, 401);
  }
  const { method, url = '' } = request;
  if (method !== 'GET' || !url.startsWith(IMAGES_PATH)) return end(response, 404);
  const sopInstanceUid = url.slice(IMAGES_PATH.length);
  const image = /^[0-9.]{1,64}$/.test(sopInstanceUid) && (await findInstance(database.knex, sopInstanceUid));
  // The path is the index's, never the caller's.
  if (!image || image.store !== store) return end(response, 404);
  const path = join(config.dataDir, image.spoolPath);
  const size = await stat(path).then(
    (file) => file.size,
    () => null,
  );
  if (size === null) {
    log.error(
      { sopInstanceUid },
      'an image that another agent asks for is in the index and not in the spool',
    );
    return end(response, 404);
  }
  response.writeHead(200, { 'content-type': 'application/dicom', 'content-length': size });
  await pipeline(createReadStream(path), response);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

/** Compared by digests: equally long, in the same time whatever was shown. */
function isKnown(shown: string | undefined, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown ?? ''), digest(`Bearer ${secret}`));
}
