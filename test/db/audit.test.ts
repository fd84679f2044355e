import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  AUDIT_EVENTS,
  type AuditEventName,
  type AuditExportRow,
  appendAudit,
  exportAudit,
  headHash,
  verifyAudit,
} from '../../db/tables/audit.js';
import { verifyExport } from '../../db/views/auditExport.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const WRITERS = 6;
const EACH = 50;

describe('the audit trail', () => {
  let db: TestDatabase;
  const knex = () => db.database.knex;
  const append = (count: number, detail = {}) =>
    knex().transaction(async (trx) => {
      for (let at = 0; at < count; at++)
        await appendAudit(trx, { event: 'CASE_VIEWED', subjectType: 'case', subjectId: `${at}`, detail });
    });
  const rows = async () => {
    const all: AuditExportRow[] = [];
    for await (const row of exportAudit(knex(), { page: 7 })) all.push(row);
    return all;
  };
  beforeEach(async () => {
    db = await createTestDatabase();
  });
  afterEach(() => db.close());

  it('names every event by a code of PS3.16 CID 400 and writes it so', async () => {
    const names = Object.keys(AUDIT_EVENTS) as AuditEventName[];
    for (const event of names) await appendAudit(knex(), { event, subjectType: 'test', subjectId: event });
    const written = await rows();
    assert.deepEqual(
      written.map(({ event }) => event),
      names,
    );
    for (const row of written) {
      const { code, meaning, action, outcome } = AUDIT_EVENTS[row.event];
      assert.match(code, /^1101\d\d$/);
      assert.deepEqual(
        [row.eventCode, row.eventMeaning, row.action, row.outcome],
        [code, meaning, action, outcome],
      );
    }
  });

  it('is whole when it is empty', async () => {
    const head = { seq: 0, hash: '0'.repeat(64) };
    assert.deepEqual(await verifyAudit(knex()), { ok: true, rows: 0, from: 1, head });
    assert.deepEqual(await verifyExport([]), { ok: true, rows: 0, from: 1, head });
  });

  it('stays one line with six writers at once', async () => {
    const write = async () => {
      for (let at = 0; at < EACH; at++)
        await append(1, { at, quoted: '"], [', unicode: 'Zwischenwirbelscheibe ü' });
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    const verdict = await verifyAudit(knex());
    assert.ok(verdict.ok);
    assert.equal(verdict.rows, WRITERS * EACH);
    const all = await rows();
    assert.deepEqual(
      all.map(({ seq }) => seq),
      Array.from({ length: WRITERS * EACH }, (_, at) => at + 1),
    );
    assert.ok(all.every(({ at }, index) => index === 0 || at >= all[index - 1]!.at));
  });

  it('has no hole after a transaction that was rolled back', async () => {
    await append(2);
    const broken = knex().transaction(async (trx) => {
      await appendAudit(trx, { event: 'CASE_VIEWED', subjectType: 'case', subjectId: 'never' });
      throw new Error('rolled back');
    });
    await assert.rejects(broken);
    await append(1);
    assert.deepEqual(
      (await rows()).map(({ seq }) => seq),
      [1, 2, 3],
    );
  });

  it('gives its numbers, times and hashes itself, whatever an inserter says', async () => {
    await append(1);
    const forged = {
      seq: 99,
      at: new Date(0),
      prev_hash: 'x',
      hash: 'y',
      event_code: '110100',
      event_meaning: 'm',
    };
    const rest = { event: 'FORGED', action: 'E', outcome: 0, actor: 'a', subject_type: 's', subject_id: 'i' };
    await knex()('auditEvent').insert({ ...forged, ...rest });
    const [, row] = await rows();
    assert.equal(row!.seq, 2);
    assert.ok(row!.at.getTime() > Date.now() - 3_600_000);
    assert.ok((await verifyAudit(knex())).ok);
  });

  for (const sql of [
    "UPDATE audit_event SET actor = 'nobody'",
    'UPDATE audit_event SET actor = actor WHERE false',
    'DELETE FROM audit_event',
    'TRUNCATE audit_event',
    'SET session_replication_role = replica; DELETE FROM audit_event',
    'MERGE INTO audit_event e USING (VALUES (1)) v(seq) ON e.seq = v.seq WHEN MATCHED THEN DELETE',
  ])
    it(`refuses ${sql}`, async () => {
      await append(3);
      await assert.rejects(knex().raw(sql), /append-only/);
      assert.equal((await headHash(knex())).seq, 3);
    });

  const TAMPERING = {
    'an edited row': [
      `UPDATE audit_event SET actor = 'user:somebody else' WHERE seq = 4`,
      { seq: 4, problem: 'its content does not match its hash' },
    ],
    'an edited detail': [
      `UPDATE audit_event SET detail = '{"a": 2}' WHERE seq = 4`,
      { seq: 4, problem: 'its content does not match its hash' },
    ],
    'a time moved by a microsecond': [
      `UPDATE audit_event SET at = at + interval '1 microsecond' WHERE seq = 4`,
      { seq: 4, problem: 'its content does not match its hash' },
    ],
    'an edited row with a hash that fits it': [
      `UPDATE audit_event SET actor = 'x' WHERE seq = 4; UPDATE audit_event e SET hash = audit_hash(e) WHERE seq = 4`,
      { seq: 5, problem: 'does not follow the row before it' },
    ],
    'a row taken out': [
      `DELETE FROM audit_event WHERE seq = 4`,
      { seq: 5, problem: 'a row before it is missing' },
    ],
    'the first row taken out': [
      `DELETE FROM audit_event WHERE seq = 1`,
      { seq: 2, problem: 'a row before it is missing' },
    ],
    'two rows exchanged': [
      `UPDATE audit_event SET seq = 0 WHERE seq = 4; UPDATE audit_event SET seq = 4 WHERE seq = 5;
       UPDATE audit_event SET seq = 5 WHERE seq = 0`,
      { seq: 4, problem: 'does not follow the row before it' },
    ],
  } as const;
  for (const [what, [sql, found]] of Object.entries(TAMPERING))
    it(`finds ${what}, in the database and in an export`, async () => {
      await append(8, { a: 1 });
      await tamper(sql);
      assert.deepEqual(await verifyAudit(knex()), { ok: false, ...found });
      const lines = (await rows()).map((row) => JSON.stringify(row));
      const verdict = await verifyExport(lines);
      // An export may begin anywhere, so a missing first row is not its business.
      if (what !== 'the first row taken out') assert.deepEqual(verdict, { ok: false, ...found });
    });

  it('cut off at the end, or rewritten from the beginning, it no longer goes through an exported head', async () => {
    await append(5);
    const head = await headHash(knex());
    assert.ok((await verifyAudit(knex(), head)).ok);
    await tamper('DELETE FROM audit_event WHERE seq = 5');
    assert.ok((await verifyAudit(knex())).ok, 'the chain alone cannot tell');
    await append(3);
    assert.deepEqual(await verifyAudit(knex(), head), {
      ok: false,
      seq: 5,
      problem: 'the exported head is not in the chain',
    });
  });

  it('is exported in pages with the text that was hashed, and checked without a database', async () => {
    await append(20, { nested: { b: [1, null, 1.5], a: 'é"\\' } });
    const all = await rows();
    assert.equal(all.length, 20);
    for (const { canonical, hash } of all)
      assert.equal(createHash('sha256').update(canonical).digest('hex'), hash);
    const lines = all.map((row) => JSON.stringify(row));
    const head = await headHash(knex());
    assert.deepEqual(await verifyExport(lines, head), { ok: true, rows: 20, from: 1, head });
    assert.equal((await verifyExport(lines.slice(5))).ok, true);
    assert.deepEqual(await verifyExport(lines.toSpliced(6, 1)), {
      ok: false,
      seq: 8,
      problem: 'a row before it is missing',
    });
    const dressed = lines.with(3, lines[3]!.replace('"actor":"process:', '"actor":"user:'));
    assert.deepEqual(await verifyExport(dressed), {
      ok: false,
      seq: 4,
      problem: 'what it shows is not what was hashed',
    });
    assert.equal((await verifyExport(lines.with(3, '{"seq": 4'))).ok, false);
    assert.equal((await verifyExport(lines.slice(0, 10), head)).ok, false);
  });

  it('a role that may only insert chains rightly, reads nothing, and cannot put a table of its own in the way', async () => {
    await append(2);
    const insert = `INSERT INTO audit_event (event, event_code, event_meaning, action, outcome, actor, subject_type, subject_id)
      VALUES ('LOGIN', '110114', 'User Authentication', 'E', 0, 'user:anna', 'user', 'anna')`;
    const asWriter = (sql: string) =>
      knex().transaction(async (trx) => {
        await trx.raw(`CREATE TEMPORARY TABLE audit_event_decoy (seq bigint, hash text)`);
        await trx.raw(`ALTER TABLE audit_event_decoy RENAME TO audit_event`);
        await trx.raw('SET LOCAL ROLE calcidisc_audit_writer');
        await trx.raw(sql.replaceAll('audit_event ', 'public.audit_event '));
        await trx.raw('RESET ROLE; DROP TABLE pg_temp.audit_event');
      });
    await asWriter(insert);
    for (const sql of [
      'SELECT * FROM audit_event ',
      "UPDATE audit_event SET actor = ''",
      'DELETE FROM audit_event ',
    ])
      await assert.rejects(asWriter(sql), /permission denied|append-only/);
    const verdict = await verifyAudit(knex());
    assert.ok(verdict.ok);
    assert.equal(verdict.rows, 3);
  });

  it('verifies while others write', async () => {
    const writing = Promise.all(Array.from({ length: 4 }, () => append(40)));
    for (let at = 0; at < 5; at++) assert.ok((await verifyAudit(knex())).ok);
    await writing;
    assert.equal((await headHash(knex())).seq, 160);
  });

  async function tamper(sql: string): Promise<void> {
    await knex().raw(`ALTER TABLE audit_event DISABLE TRIGGER USER; ${sql}; ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_chain;
      ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_refuse; ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_keep`);
  }
});
