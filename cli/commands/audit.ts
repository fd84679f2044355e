import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { purgedTrailWords } from '../../agent/domain/purgedWords.js';
import type { Tx } from '../../db/server/knex.js';
import {
  type AuditHead,
  type AuditVerdict,
  appendAudit,
  exportAudit,
  headHash,
  verifyAudit,
} from '../../db/tables/audit.js';
import { type AuditAnchorRow, firstOffChain, listAnchors } from '../../db/tables/auditAnchors.js';
import { type AuditPurgeRow, listAuditPurges } from '../../db/tables/auditPurges.js';
import { verifyExport } from '../../db/views/auditExport.js';
import { verifyWhole } from '../../db/views/auditWhole.js';
import { groupBy } from '../../models/statistics/describe.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { EXIT } from '../exitCodes.js';
import { verdictOf } from '../verdict.js';

export function register(program: Command): void {
  const audit = program
    .command('audit')
    .description('checks and exports the audit trail, a chain of SHA-256 hashes that nobody can edit unseen');
  audit
    .command('verify')
    .description(
      'walks the whole chain; names the first bad row and exits with 1 if there is one, with 4 if it cannot be walked',
    )
    .option(
      '--expect <seq:hash>',
      'a head written down earlier (audit head): the chain must still go through it',
      parseHead,
    )
    .option(
      '--anchors <file>',
      'a file of anchors (audit.anchor.file) as it lies elsewhere: the chain must still go through all of it',
    )
    .option(
      '--with <files...>',
      'files that rows of the trail were written to before a policy deleted them, the oldest first: the whole is walked',
    )
    .option('--file <export>', 'check a file from `audit export` instead; needs no database')
    .option('--json', 'one JSON document: {ok, rows, from, head} or {ok, seq, problem}')
    .action(verify);
  audit
    .command('export')
    .description('writes the trail to stdout as JSON lines, each with the very text its hash was taken over')
    .option('--after <seq>', 'only rows after this one', parseSeq, 0)
    .option('--json', 'the same: JSON lines')
    .action(exportRows);
  audit
    .command('anchors')
    .description(
      'lists where the head of the chain was written, and writes the time stamps out for `openssl ts -verify`',
    )
    .option(
      '--out <dir>',
      'a file SEQ-HASH.tsr for each time stamp (RFC 3161), in this folder, which has to be there',
    )
    .option('--json', 'one JSON document: [{kind, place, seq, hash, anchoredAt}]')
    .action(anchors);
  audit
    .command('head')
    .description('prints the last row as seq:hash; keep it elsewhere, so that a rewritten chain is found out')
    .option('--json', 'one JSON document: {seq, hash}')
    .action(head);
}

interface VerifyOptions {
  readonly expect?: AuditHead;
  readonly file?: string;
  readonly with?: readonly string[];
  /** Of anchors. */
  readonly anchors?: string;
  readonly json?: boolean;
}

async function verify(options: VerifyOptions, command: Command): Promise<void> {
  const { file, json } = options;
  if (file && options.with)
    throw new CalcidiscError('OPTIONS_CONTRADICT', '--file needs no database, --with does');
  const { verdict, purged } = await verdictOf(async () =>
    file
      ? { verdict: await verifyFile(file, options.expect), purged: null }
      : withDatabase(command, async ({ database: { knex } }) => ({
          verdict: await verifyWithAnchors(knex, options),
          purged: (await listAuditPurges(knex))[0] ?? null,
        })),
  );
  console.log(json ? JSON.stringify(verdict) : inWords(verdict, purged));
  if (!verdict.ok) process.exitCode = EXIT.failed;
}

type AnchoredVerdict = AuditVerdict & { readonly anchors?: readonly Anchored[] };

/** The newest of each place, and how many there are. */
interface Anchored {
  readonly kind: AuditAnchorRow['kind'] | 'given';
  readonly place: string;
  readonly anchors: number;
  readonly upTo: number;
  /** Of rows that a policy deleted: their files alone can be held against them. */
  readonly gone: number;
}

async function verifyWithAnchors(
  knex: Tx,
  { expect, with: files, anchors: kept }: VerifyOptions,
): Promise<AnchoredVerdict> {
  const left = await verifyAudit(knex, files ? undefined : expect);
  const verdict = files && left.ok ? await verifyWhole(knex, files, expect) : left;
  if (!left.ok || !verdict.ok) return verdict;
  const given = kept === undefined ? [] : await readAnchors(kept);
  const all = [...(await listAnchors(knex)), ...given];
  const wrong = await firstOffChain(knex, all);
  if (wrong)
    return { ok: false, seq: wrong.seq, problem: `it was anchored with another hash (${wrong.place})` };
  const places = [...groupBy(all, ({ kind, place }) => `${kind} ${place}`).values()];
  const anchored = places.map((own) => {
    const { kind, place, seq } = own.at(-1)!;
    const gone = own.filter((anchor) => anchor.seq < left.from).length;
    return { kind, place, anchors: own.length, upTo: seq, gone };
  });
  return { ...verdict, anchors: anchored };
}

/** @throws CalcidiscError OPTIONS_CONTRADICT naming the first line that is no anchor */
async function readAnchors(file: string) {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    const [, seq, hash] = /^\S+ (\d+):([0-9a-f]{64})$/.exec(line) ?? [];
    if (!seq || !hash)
      throw new CalcidiscError('OPTIONS_CONTRADICT', `line ${i + 1} of ${file} is no anchor (TIME SEQ:HASH)`);
    return [{ kind: 'given' as const, place: file, seq: Number(seq), hash }];
  });
}

async function anchors({ out, json }: { out?: string; json?: boolean }, command: Command): Promise<void> {
  const rows = await withDatabase(command, ({ database }) => listAnchors(database.knex));
  if (out !== undefined)
    for (const { token, seq, hash } of rows)
      if (token) await writeFile(join(out, `${seq}-${hash}.tsr`), token);
  const plain = rows.map(({ kind, place, seq, hash, anchoredAt }) => ({
    kind,
    place,
    seq,
    hash,
    anchoredAt,
  }));
  if (json) return console.log(JSON.stringify(plain));
  for (const { kind, place, seq, hash, anchoredAt } of plain)
    console.log(`${anchoredAt.toISOString()} ${kind} ${place} ${seq}:${hash}`);
}

/** A file that is not there is no answer about the chain in it. */
async function verifyFile(file: string, expect?: AuditHead): Promise<AuditVerdict> {
  const input = (await open(file)).createReadStream();
  return verifyExport(createInterface({ input }), expect);
}

async function exportRows({ after }: { after: number }, command: Command): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const { seq: upTo } = await headHash(knex);
    // Noted first: whoever takes half of it, or writes to a full disk, has had rows too.
    await appendAudit(knex, {
      event: 'AUDIT_EXPORTED',
      subjectType: 'audit',
      subjectId: 'trail',
      actor: commandActor(),
      detail: { after, rows: Math.max(0, upTo - after) },
    });
    for await (const row of exportAudit(knex, { after, upTo }))
      if (!process.stdout.write(`${JSON.stringify(row)}\n`)) await drained();
  });
}

async function head({ json }: { json?: boolean }, command: Command): Promise<void> {
  const last = await withDatabase(command, ({ database }) => headHash(database.knex));
  console.log(json ? JSON.stringify(last) : `${last.seq}:${last.hash}`);
}

function inWords(verdict: AnchoredVerdict, purged: AuditPurgeRow | null): string {
  if (!verdict.ok) return `BROKEN at row ${verdict.seq}: ${verdict.problem}`;
  const { rows, from, head: last, anchors: anchored } = verdict;
  if (rows === 0) return 'There is no row: nothing to hold, and nothing to break.';
  const head = `head ${last.seq}:${last.hash}`;
  if (from <= 1) return [`The chain holds: ${rows} rows, ${head}`, ...anchorLines(anchored)].join('\n');
  if (purged)
    return [
      `The chain holds from row ${from} on: ${rows} rows, ${head}`,
      `${purgedTrailWords(purged)}. With the files (--with FILE …, the oldest first) the whole is walked.`,
      ...anchorLines(anchored),
    ].join('\n');
  return (
    `Rows ${from} to ${last.seq} hold together: ${rows} rows, ${head}\n` +
    `The export begins in the middle: rows 1 to ${from - 1} are not in it, and nothing is known of them.`
  );
}

function anchorLines(anchored: readonly Anchored[] = []): string[] {
  if (anchored.length === 0)
    return ['Anchored nowhere: only `--expect` or `--anchors` can tell a chain that was rewritten whole.'];
  return anchored.map(
    ({ kind, place, anchors: count, upTo, gone }) =>
      `Anchored up to row ${upTo}: ${count} ${kind === 'rfc3161' ? 'time stamps' : 'heads'} ${kind === 'given' ? 'in' : 'at'} ${place}` +
      (kind === 'rfc3161'
        ? ', their signatures not looked at here (audit anchors --out, openssl ts -verify)'
        : '') +
      (gone > 0
        ? ` (${gone} of rows that a policy deleted: --file FILE --expect SEQ:HASH holds a file against one)`
        : ''),
  );
}

function parseHead(text: string): AuditHead {
  const [, seq, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (!seq || !hash) throw new InvalidArgumentError('It is seq:hash, as `calcidisc audit head` prints it.');
  return { seq: Number(seq), hash };
}

function parseSeq(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a row number.');
  return Number(text);
}

function drained(): Promise<void> {
  return new Promise((resolve) => process.stdout.once('drain', resolve));
}
