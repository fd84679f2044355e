import { type Files, openFiles } from '../../agent/holders/files.js';
import type { Database } from '../../db/server/database.js';

/** Of an agent that is alone. */
export function ownFiles({ dataDir }: { readonly dataDir: string }, database: Database): Files {
  return openFiles({ database, dataDir, store: 0, secret: null });
}
