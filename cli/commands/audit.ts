import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { purgedTrailWords } from '../../agent/domain/purgedWords.js';
import {
  type AuditHead,
  type AuditVerdict,
  appendAudit,
  exportAudit,
  headHash,
  verifyAudit,
} from '../../db/tables/audit.js';
import { type AuditPurgeRow, listAuditPurges } from '../../db/tables/auditPurges.js';
import { verifyExport } from '../../db/views/auditExport.js';
import { verifyWhole } from '../../db/views/auditWhole.js';
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
    .command('head')
    .description('prints the last row as seq:hash; keep it elsewhere, so that a rewritten chain is found out')
    .option('--json', 'one JSON document: {seq, hash}')
    .action(head);
}

interface VerifyOptions {
  readonly expect?: AuditHead;
  readonly file?: string;
  readonly with?: readonly string[];
  readonly json?: boolean;
}

async function verify({ expect, file, with: files, json }: VerifyOptions, command: Command): Promise<void> {
  if (file && files) throw new CalcidiscError('OPTIONS_CONTRADICT', '--file needs no database, --with does');
  const { verdict, purged } = await verdictOf(async () =>
    file
      ? { verdict: await verifyFile(file, expect), purged: null }
      : withDatabase(command, async ({ database: { knex } }) => ({
          verdict: await (files ? verifyWhole(knex, files, expect) : verifyAudit(knex, expect)),
          purged: (await listAuditPurges(knex))[0] ?? null,
        })),
  );
  console.log(json ? JSON.stringify(verdict) : inWords(verdict, purged));
  if (!verdict.ok) process.exitCode = EXIT.failed;
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

function inWords(verdict: AuditVerdict, purged: AuditPurgeRow | null): string {
  if (!verdict.ok) return `BROKEN at row ${verdict.seq}: ${verdict.problem}`;
  const { rows, from, head: last } = verdict;
  if (rows === 0) return 'There is no row: nothing to hold, and nothing to break.';
  const head = `head ${last.seq}:${last.hash}`;
  if (from <= 1) return `The chain holds: ${rows} rows, ${head}`;
  if (purged)
    return (
      `The chain holds from row ${from} on: ${rows} rows, ${head}\n${purgedTrailWords(purged)}. ` +
      'With the files (--with FILE …, the oldest first) the whole is walked.'
    );
  return (
    `Rows ${from} to ${last.seq} hold together: ${rows} rows, ${head}\n` +
    `The export begins in the middle: rows 1 to ${from - 1} are not in it, and nothing is known of them.`
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
