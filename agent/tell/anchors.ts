import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { type AuditHead, headHash } from '../../db/tables/audit.js';
import {
  type AuditAnchorRow,
  insertAnchor,
  lastAnchored,
  takeAnchoring,
} from '../../db/tables/auditAnchors.js';
import { repeat } from './repeat.js';
import { timeStampOf, timeStampRequest } from './timeStamp.js';

export interface AnchorParts {
  readonly config: Pick<Config, 'audit'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
}

type Kind = AuditAnchorRow['kind'];

const ANSWER_MS = 30_000;
const MOST_BYTES = 1 << 20;

/**
 * Writes the head of the audit chain elsewhere, as often as the configuration says and only when it has grown: whoever
 * rewrites the trail later has to rewrite what lies there, too. One process at a time.
 */
export function startAnchors({ config, database: { knex }, log }: AnchorParts): { close(): Promise<void> } {
  const { anchor } = config.audit;
  if (!anchor) return { close: async () => undefined };
  const { file, timeStampUrl, everyMs } = anchor;
  const places = [
    ...(file === undefined ? [] : [['file', file] as const]),
    ...(timeStampUrl === undefined ? [] : [['rfc3161', timeStampUrl] as const]),
  ];
  const down = new Set<string>();

  async function tried([kind, place]: readonly [Kind, string]): Promise<void> {
    try {
      await knex.transaction((trx) => anchorHead(trx, kind, place));
      if (down.delete(place)) log.info({ place }, 'the head of the audit trail is anchored again');
    } catch (error) {
      if (!down.has(place))
        log.warn(
          { place, err: (error as Error).message },
          'the head of the audit trail cannot be anchored: later',
        );
      down.add(place);
    }
  }

  return repeat(async () => {
    for (const each of places) await tried(each);
  }, everyMs);
}

async function anchorHead(trx: Tx, kind: Kind, place: string): Promise<void> {
  if (!(await takeAnchoring(trx))) return;
  const head = await headHash(trx);
  const seq = Number(head.seq);
  if (seq <= (await lastAnchored(trx, kind, place))) return;
  const token = kind === 'file' ? await appendLine(place, head) : await askForStamp(place, head);
  await insertAnchor(trx, { kind, place, seq, hash: head.hash, token });
}

/** `2026-07-01T08:00:00.000Z 4711:hash`, synced before it counts. */
async function appendLine(file: string, { seq, hash }: AuditHead): Promise<null> {
  const handle = await open(file, 'a', 0o640);
  try {
    await handle.appendFile(`${new Date().toISOString()} ${seq}:${hash}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return null;
}

/** The authority sees the hash alone. @throws Error where it grants none */
async function askForStamp(url: string, { hash }: AuditHead): Promise<Uint8Array> {
  const [digest, nonce] = [Buffer.from(hash, 'hex'), randomBytes(8)];
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: new Uint8Array(timeStampRequest(digest, nonce)),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(`the time-stamping authority answers ${answer.status}`);
  const token = new Uint8Array(await answer.arrayBuffer());
  if (token.length > MOST_BYTES) throw new Error('the answer of the time-stamping authority is too long');
  timeStampOf(token, digest, nonce);
  return token;
}
