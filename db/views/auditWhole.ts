import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Tx } from '../server/knex.js';
import { type AuditHead, type AuditVerdict, verifyAudit } from '../tables/audit.js';
import { findAuditLink, listAuditPurges } from '../tables/auditPurges.js';
import { verifyExport } from './auditExport.js';

/**
 * The whole of a trail whose beginning went by policy: the files it was written to, the oldest first, each row of them,
 * and what is left, which has to hang on their last row.
 * @param expected a head exported earlier: the whole must go through it
 * @throws errors of the file system
 */
export async function verifyWhole(
  tx: Tx,
  files: readonly string[],
  expected?: AuditHead,
): Promise<AuditVerdict> {
  const left = await verifyAudit(tx);
  if (!left.ok) return left;
  const isInFiles = expected !== undefined && expected.seq < left.from;
  const hashes: string[] = [];
  const written = await verifyExport(linesOf(files, hashes), isInFiles ? expected : undefined);
  if (!written.ok) return written;
  const broken = (seq: number, problem: string): AuditVerdict => ({ ok: false, seq, problem });
  if (written.from !== 1) return broken(1, 'the files do not begin with the first row');
  if ((await findAuditLink(tx, written.head.seq)) !== written.head.hash)
    return broken(left.from, 'what is left does not follow the last row of the files');
  const [newest] = await listAuditPurges(tx);
  if (newest?.through === written.head.seq && newest.sha256 !== hashes.at(-1))
    return broken(
      written.head.seq,
      `the last file is not the one that was written (SHA-256 ${newest.sha256})`,
    );
  if (expected && !isInFiles) {
    const through = await verifyAudit(tx, expected);
    if (!through.ok) return through;
  }
  return { ...left, from: 1, rows: left.head.seq };
}

/** @param hashes takes the SHA-256 of each file that was read to its end */
async function* linesOf(files: readonly string[], hashes: string[]): AsyncGenerator<string> {
  for (const file of files) {
    const hash = createHash('sha256');
    const input = createReadStream(file).on('data', (chunk) => hash.update(chunk));
    yield* createInterface({ input });
    hashes.push(hash.digest('hex'));
  }
}
