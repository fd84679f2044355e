import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planAuditPurge, purgeAudit } from '../../agent/retain/purgeAudit.js';
import { parseConfig } from '../../config/load.js';
import { LEAST_AUDIT_DAYS } from '../../config/retention.js';
import { appendAudit, headHash, verifyAudit } from '../../db/tables/audit.js';
import { insertAnchor } from '../../db/tables/auditAnchors.js';
import { dropFirstRows, listAuditPurges } from '../../db/tables/auditPurges.js';
import { setLegalHold } from '../../db/tables/legalHolds.js';
import { verifyWhole } from '../../db/views/auditWhole.js';
import { readCaseView } from '../../db/views/caseView.js';
import { insertReportedCase } from '../deliver/reportedCase.js';
import { calcidisc } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('retention: the beginning of the trail goes by policy, and the chain holds over the gap', () => {
  let db: TestDatabase;
  const knex = () => db.database.knex;
  const folder = () => join(db.config.dataDir, 'audit');
  const append = async (count: number, subjectType = 'user', subjectId = 'anna') => {
    for (let at = 0; at < count; at++)
      await appendAudit(knex(), { event: 'CASE_VIEWED', subjectType, subjectId });
  };
  const parts = () => ({
    database: db.database,
    folder: folder(),
    isSentOn: false,
    actor: 'user:anna',
    days: 30,
  });
  /** All that is there is sixty days old, its chain as it would have been then. */
  const age = () =>
    knex().raw(`ALTER TABLE audit_event DISABLE TRIGGER USER;
      DO $$
      DECLARE
        row record;
        before text;
      BEGIN
        FOR row IN SELECT seq, prev_hash FROM audit_event ORDER BY seq LOOP
          before := coalesce(before, row.prev_hash);
          UPDATE audit_event SET at = at - interval '60 days', prev_hash = before WHERE seq = row.seq;
          UPDATE audit_event e SET hash = audit_hash(e) WHERE seq = row.seq RETURNING hash INTO before;
        END LOOP;
      END $$;
      ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_chain; ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_refuse;
      ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_keep`);

  beforeEach(async () => {
    db = await createTestDatabase();
  });
  afterEach(() => db.close());

  it('a dry run says what would go; then it lies in a file, and what is left, and the whole with the file, is verified', async () => {
    await append(7);
    await age();
    await append(3);
    assert.deepEqual(await planAuditPurge(parts()), { rows: 7, through: 7, file: null, kept: {} });
    assert.equal((await headHash(knex())).seq, 10);
    const before = await headHash(knex());
    const file = join(folder(), 'trail-1-7.jsonl');
    assert.deepEqual(await purgeAudit(parts()), { rows: 7, through: 7, file, kept: {} });
    const left = await verifyAudit(knex(), before);
    assert.ok(left.ok);
    assert.deepEqual([left.from, left.rows], [8, 4]);
    const [purge] = await listAuditPurges(knex());
    assert.deepEqual([purge!.from, purge!.through, purge!.actor], [1, 7, 'user:anna']);

    const whole = await verifyWhole(knex(), [file], before);
    assert.ok(whole.ok, JSON.stringify(whole));
    assert.deepEqual([whole.rows, whole.from], [11, 1]);
    const env = { CALCIDISC_DATA: db.config.dataDir, DATABASE_URL: db.config.database.url! };
    const alone = await calcidisc(['audit', 'verify'], { env });
    assert.match(
      alone.stdout,
      new RegExp(`from row 8 on.*\\n.*trail-1-7\\.jsonl \\(SHA-256 ${purge!.sha256}\\)`),
    );
    const anchor = { kind: 'file', place: '/elsewhere', hash: 'ab'.repeat(32), token: null } as const;
    await insertAnchor(knex(), { ...anchor, seq: 3 });
    const anchored = await calcidisc(['audit', 'verify'], { env });
    assert.match(anchored.stdout, /up to row 3: 1 heads at \/elsewhere \(1 of rows that a policy deleted/);
    await insertAnchor(knex(), { ...anchor, seq: 9 });
    assert.match((await calcidisc(['audit', 'verify'], { env })).stdout, /BROKEN at row 9/);
    // What somebody did to the file afterwards: a row twice, a blank that no row shows.
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}${text.split('\n')[0]}\n`);
    assert.equal((await verifyWhole(knex(), [file])).ok, false);
    await writeFile(file, `${text}\n`);
    const blank = await verifyWhole(knex(), [file]);
    assert.match(blank.ok ? '' : blank.problem, /not the one that was written/);
  }).timeout(60_000);

  it('killed after the file, and in the middle of deleting, it goes on, and the trail holds at every moment', async () => {
    await append(6);
    await age();
    await append(1);
    // One that ends right after the row that vouches for the file.
    const signal = { aborted: true, throwIfAborted: () => undefined } as unknown as AbortSignal;
    await purgeAudit({ ...parts(), signal });
    const holds = async (from: number) => {
      const verdict = await verifyAudit(knex());
      assert.ok(verdict.ok, JSON.stringify(verdict));
      assert.equal(verdict.from, from);
    };
    await holds(1);
    assert.equal(await dropFirstRows(knex(), 6, 2), 2);
    await holds(3);
    assert.equal((await purgeAudit(parts()))?.rows, 0);
    await holds(7);
    assert.deepEqual(await readdir(folder()), ['trail-1-6.jsonl']);
    assert.equal((await listAuditPurges(knex())).length, 1);
  });

  it('a second purge goes on where the first ended, and the first one’s word goes with it', async () => {
    await append(4);
    await age();
    await purgeAudit(parts());
    await append(4);
    await age();
    await purgeAudit(parts());
    const files = ['trail-1-4.jsonl', 'trail-5-9.jsonl'];
    assert.deepEqual((await readdir(folder())).sort(), files);
    const paths = files.map((file) => join(folder(), file));
    const whole = await verifyWhole(knex(), paths);
    assert.deepEqual([whole.ok, whole.ok && whole.rows], [true, 10], JSON.stringify(whole));
    const second = await verifyWhole(knex(), paths.slice(1));
    assert.match(second.ok ? '' : second.problem, /do not begin with the first row/);
    const first = await verifyWhole(knex(), paths.slice(0, 1));
    assert.match(first.ok ? '' : first.problem, /does not follow the last row of the files/);
  });

  it('rows of an open case, of a study under a legal hold, and what syslog has not had stay, with all after them', async () => {
    await append(3);
    const { row } = await insertReportedCase(db.database);
    await age();
    const first = (await knex()('auditEvent').where({ subjectId: row.id }).min('seq as seq').first())!.seq;
    const plan = async (isSentOn = false) => planAuditPurge({ ...parts(), isSentOn });
    const { seq: last } = await headHash(knex());
    const stay = last - first + 1;
    assert.deepEqual(await plan(), {
      rows: first - 1,
      through: first - 1,
      file: null,
      kept: { 'a case that is open': stay },
    });
    await knex()('case').where({ id: row.id }).update({ state: 'delivered' });
    assert.equal((await plan()).rows, last);
    await setLegalHold(knex(), {
      studyInstanceUid: row.mrStudyInstanceUid,
      reason: 'claim',
      setBy: 'user:anna',
    });
    assert.deepEqual((await plan()).kept, { 'a legal hold': stay });
    await knex()('auditSyslog').update({ seq: 1 });
    assert.deepEqual(await plan(true), {
      rows: 1,
      through: 1,
      file: null,
      kept: { 'not sent to the syslog server yet': last - 1 },
    });
    await purgeAudit(parts());
    assert.equal((await listAuditPurges(knex()))[0]!.through, first - 1);
    const { purged } = (await readCaseView(knex(), row.id))!;
    assert.equal(purged.trail, null, 'the case is younger than what went');
  });

  it('nothing else lets a row go: no other statement, and no younger row', async () => {
    await append(2);
    await assert.rejects(knex().raw('DELETE FROM audit_event WHERE seq = 1'), /append-only: DELETE refused/);
    await age();
    await append(2);
    await purgeAudit(parts());
    await assert.rejects(knex().raw('DELETE FROM audit_event WHERE seq = 3'), /append-only: DELETE refused/);
    await assert.rejects(knex().raw('TRUNCATE audit_event'), /append-only: TRUNCATE refused/);
    await assert.rejects(knex().raw(`UPDATE audit_event SET actor = 'x'`), /append-only: UPDATE refused/);
  });

  it('what is left is held against the file: another row in the place of its last is found', async () => {
    await append(3);
    await age();
    await purgeAudit(parts());
    await knex().raw(`ALTER TABLE audit_event DISABLE TRIGGER USER;
      UPDATE audit_event e SET prev_hash = repeat('a', 64) WHERE seq = 4;
      UPDATE audit_event e SET hash = audit_hash(e) WHERE seq = 4`);
    assert.deepEqual(await verifyAudit(knex()), {
      ok: false,
      seq: 4,
      problem: 'does not follow the rows that were written out and deleted',
    });
  });

  it('less than six years is refused unless the site says that it answers for it', async () => {
    const days = LEAST_AUDIT_DAYS - 1;
    assert.throws(() => parseConfig({ retention: { auditDays: days } }), /less than six years/);
    assert.equal(
      parseConfig({ retention: { auditDays: days, auditBelowSixYears: true } }).retention.auditDays,
      days,
    );
    assert.equal(parseConfig({ retention: { auditDays: LEAST_AUDIT_DAYS } }).retention.auditDays, 2190);
    const env = { CALCIDISC_DATA: db.config.dataDir, DATABASE_URL: db.config.database.url! };
    const refused = await calcidisc(['purge', '--what', 'audit', '--older-than', String(days)], { env });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /--below-six-years/);
    const dry = await calcidisc(
      ['purge', '--what', 'audit', '--older-than', '0', '--below-six-years', '--dry-run', '--json'],
      { env },
    );
    assert.deepEqual([dry.code, dry.json().rows], [0, 0], dry.stderr);
  }).timeout(60_000);
});
