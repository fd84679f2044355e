import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type AuditExportRow,
  appendAudit,
  exportAudit,
  firstSeq,
  processActor,
} from '../../db/tables/audit.js';
import {
  type AuditPurge,
  dropFirstRows,
  listAuditPurges,
  takeAuditPurge,
} from '../../db/tables/auditPurges.js';
import { verifyExport } from '../../db/views/auditExport.js';
import { readOldTrail } from '../../db/views/purgeableAudit.js';
import { CalcidiscError } from '../domain/errors.js';
import type { CasePurgeParts } from './purgeCases.js';

export interface AuditPurgeParts extends CasePurgeParts {
  /** Where the rows are written before they go. */
  readonly folder: string;
  /** Whether the trail is sent on by syslog: what has not been stays. */
  readonly isSentOn: boolean;
}

export interface PurgedTrail {
  readonly rows: number;
  /** The last row that went, or would; null: none. */
  readonly through: number | null;
  /** Where they were written; null: nowhere, there were none or it was a dry run. */
  readonly file: string | null;
  /** How many rows are old enough and stay, by why. */
  readonly kept: Readonly<Record<string, number>>;
}

/** What would go and what would stay. Changes nothing. */
export async function planAuditPurge({ database, days, isSentOn }: AuditPurgeParts): Promise<PurgedTrail> {
  const { from, oldThrough, neededFrom, neededBecause } = await readOldTrail(database.knex, days, isSentOn);
  if (from === null || oldThrough === null) return { rows: 0, through: null, file: null, kept: {} };
  const through = Math.min(oldThrough, (neededFrom ?? Number.POSITIVE_INFINITY) - 1);
  const kept = oldThrough - Math.max(through, from - 1);
  return {
    rows: Math.max(0, through - from + 1),
    through: through < from ? null : through,
    file: null,
    kept: kept > 0 ? { [neededBecause!]: kept } : {},
  };
}

/** So many rows go in one transaction: who appends meanwhile waits for none of it. */
const ROWS_AT_ONCE = 10_000;

/**
 * Writes the rows that are old enough to a file, reads it back, has a row of the chain vouch for it, and deletes them, the
 * oldest first. A process that is killed before that row has deleted nothing; after it, the next one goes on deleting.
 * @returns null while another process is at it
 * @throws CalcidiscError AUDIT_EXPORT_INVALID; errors of the file system: nothing was deleted then
 */
export async function purgeAudit(parts: AuditPurgeParts): Promise<PurgedTrail | null> {
  const { knex } = parts.database;
  // The lock lives as long as this transaction, which writes nothing: everything else commits by itself.
  return knex.transaction(async (lock) => {
    if (!(await takeAuditPurge(lock))) return null;
    await dropWrittenOut(parts);
    const plan = await planAuditPurge(parts);
    if (plan.through === null) return plan;
    const purge = await writeOut(parts, plan.through);
    await appendAudit(knex, {
      event: 'AUDIT_PURGED',
      subjectType: 'audit',
      subjectId: 'trail',
      actor: parts.actor ?? processActor(),
      detail: { ...purge },
    });
    await dropWrittenOut(parts);
    return { ...plan, rows: purge.rows, file: join(parts.folder, purge.file) };
  });
}

/** Whatever a row of the chain vouches for and is still there. */
async function dropWrittenOut({ database: { knex }, signal }: AuditPurgeParts): Promise<void> {
  const [newest] = await listAuditPurges(knex);
  if (!newest) return;
  while (!signal?.aborted && (await dropFirstRows(knex, newest.through, ROWS_AT_ONCE)) > 0);
}

/** The file appears whole, under the name of its rows; one of the same rows that nothing vouches for is written anew. */
async function writeOut(parts: AuditPurgeParts, through: number): Promise<AuditPurge> {
  const { database, folder, days, signal } = parts;
  const from = (await firstSeq(database.knex))!;
  const file = `trail-${from}-${through}.jsonl`;
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `${file}.partial`);
  const hash = createHash('sha256');
  let last: AuditExportRow | null = null;
  const handle = await open(partial, 'w');
  try {
    for await (const row of exportAudit(database.knex, { after: from - 1, upTo: through })) {
      signal?.throwIfAborted();
      const line = `${JSON.stringify(row)}\n`;
      hash.update(line);
      await handle.write(line);
      last = row;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  const sha256 = hash.digest('hex');
  const rows = through - from + 1;
  const head = { seq: through, hash: last!.hash };
  await refuseOther(partial, { sha256, rows, head });
  await rename(partial, join(folder, file));
  await syncFolder(folder);
  const throughAt = last!.at.toISOString();
  return { file, sha256, from, through, throughHash: head.hash, throughAt, rows, days };
}

async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What lies on the disk is read back and walked as `audit verify --file` would, before a row goes. */
async function refuseOther(
  path: string,
  expected: { readonly sha256: string; readonly rows: number; readonly head: { seq: number; hash: string } },
): Promise<void> {
  const hash = createHash('sha256');
  const input = createReadStream(path).on('data', (chunk) => hash.update(chunk));
  const verdict = await verifyExport(createInterface({ input }), expected.head);
  const isWhole = verdict.ok && verdict.rows === expected.rows && hash.digest('hex') === expected.sha256;
  if (isWhole) return;
  const why = verdict.ok ? 'it is not what was written' : `row ${verdict.seq}: ${verdict.problem}`;
  throw new CalcidiscError(
    'AUDIT_EXPORT_INVALID',
    `${path} cannot be trusted, no row of the trail is deleted: ${why}`,
  );
}
