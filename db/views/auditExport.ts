import { isDeepStrictEqual } from 'node:util';
import { sha256 } from '../../agent/domain/hash.js';
import type { AuditExportRow, AuditHead, AuditVerdict } from '../tables/audit.js';

const NO_HASH = '0'.repeat(64);

/**
 * Checks an exported trail without a database. An export that begins in the middle is checked from there on.
 * @param lines JSON lines as exportAudit gives them
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  expected?: AuditHead,
): Promise<AuditVerdict> {
  let last: AuditHead | null = null;
  let first: number | null = null;
  let rows = 0;
  let isExpectedSeen = false;
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const row: AuditExportRow | null = parseRow(line);
    const seq = row?.seq ?? (last?.seq ?? 0) + 1;
    first ??= row?.seq ?? null;
    const problem = row ? problemOf(row, last) : 'not a row of an exported trail';
    if (problem || !row) return { ok: false, seq, problem: problem ?? '' };
    if (expected?.seq === row.seq && expected.hash === row.hash) isExpectedSeen = true;
    last = { seq: row.seq, hash: row.hash };
    rows++;
  }
  if (expected && !isExpectedSeen)
    return { ok: false, seq: expected.seq, problem: 'the exported head is not in the chain' };
  return { ok: true, rows, from: first ?? 1, head: last ?? { seq: 0, hash: NO_HASH } };
}

function problemOf(row: AuditExportRow, last: AuditHead | null): string | null {
  const { seq, prevHash, hash, canonical } = row;
  if (last && seq !== last.seq + 1) return 'a row before it is missing';
  if (!last && seq === 1 && prevHash !== NO_HASH) return 'does not follow the row before it';
  if (last && prevHash !== last.hash) return 'does not follow the row before it';
  if (sha256(canonical) !== hash) return 'its content does not match its hash';
  return isDeepStrictEqual(readable(row), hashed(canonical)) ? null : 'what it shows is not what was hashed';
}

/** The export's own fields, in the order of the hashed text. The time is compared to the millisecond JSON kept. */
function readable(row: AuditExportRow): readonly unknown[] {
  const at = new Date(row.at).toISOString().slice(0, 23);
  const what = [row.event, row.eventCode, row.eventMeaning, row.action, row.outcome];
  return [row.seq, at, ...what, row.actor, row.subjectType, row.subjectId, row.detail, row.prevHash];
}

function hashed(canonical: string): readonly unknown[] {
  const fields: unknown[] = JSON.parse(canonical);
  return fields.with(1, String(fields[1]).slice(0, 23));
}

function parseRow(line: string): AuditExportRow | null {
  try {
    const row = JSON.parse(line);
    return typeof row.canonical === 'string' &&
      Number.isInteger(row.seq) &&
      Array.isArray(JSON.parse(row.canonical))
      ? row
      : null;
  } catch {
    return null;
  }
}
