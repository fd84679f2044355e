import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { appendAudit } from '../../db/tables/audit.js';
import { useDatabase } from '../support/database.js';

describe('calcidisc migrate and audit', () => {
  const db = useDatabase();
  const calcidisc = (...args: string[]) => {
    const env = {
      ...process.env,
      DATABASE_URL: db.database.url,
      CALCIDISC_DATA: db.config.dataDir,
      CALCIDISC_LOG_LEVEL: 'error',
    };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(projectRoot, 'bin/calcidisc.mjs'), ...args],
      {
        env,
        encoding: 'utf8',
      },
    );
    return { status, stdout, stderr, json: () => JSON.parse(stdout) };
  };

  before(async () => {
    for (const subjectId of ['a', 'b', 'c'])
      await appendAudit(db.database.knex, { event: 'CASE_VIEWED', subjectType: 'case', subjectId });
  });

  it('says what is applied', () => {
    const { applied, pending, ran } = calcidisc('migrate', '--list', '--json').json();
    assert.ok(applied.includes('0001_initial') && applied.includes('0002_audit'));
    assert.deepEqual([pending, ran], [[], []]);
  });

  it('a chain that holds ends with 0, also through a head kept elsewhere and through an exported file', async () => {
    const head = calcidisc('audit', 'head').stdout.trim();
    assert.match(head, /^3:[0-9a-f]{64}$/);
    const verdict = calcidisc('audit', 'verify', '--expect', head, '--json');
    assert.deepEqual([verdict.status, verdict.json().ok, verdict.json().rows], [0, true, 3]);
    const file = join(db.config.dataDir, 'trail.jsonl');
    await writeFile(file, calcidisc('audit', 'export').stdout);
    assert.equal(calcidisc('audit', 'verify', '--file', file, '--expect', head).status, 0);
    const [last] = await db.database.knex('auditEvent').orderBy('seq', 'desc').limit(1);
    assert.deepEqual([last.event, last.eventCode, last.detail.rows], ['AUDIT_EXPORTED', '110101', 3]);
  });

  it('an export that begins in the middle holds together, and says that it is not the whole chain', async () => {
    const lines = calcidisc('audit', 'export', '--after', '1').stdout;
    const file = join(db.config.dataDir, 'part.jsonl');
    await writeFile(file, lines);
    const { status, stdout } = calcidisc('audit', 'verify', '--file', file);
    assert.equal(status, 0);
    assert.match(stdout, /^Rows 2 to \d+ hold together/);
    assert.match(stdout, /rows 1 to 1 are not in it, and nothing is known of them/);
    assert.ok(!stdout.includes('The chain holds'));
  });

  it('a broken one ends with 1 and names the row', async () => {
    await db.database.knex.raw(
      "ALTER TABLE audit_event DISABLE TRIGGER USER; UPDATE audit_event SET subject_id = 'x' WHERE seq = 2",
    );
    const { status, stdout } = calcidisc('audit', 'verify');
    assert.equal(status, 1);
    assert.match(stdout, /BROKEN at row 2/);
    assert.deepEqual(calcidisc('audit', 'verify', '--json').json().seq, 2);
  });

  it('a wrong use is said and ends with a failure', () => {
    const { status, stderr } = calcidisc('audit', 'verify', '--expect', 'yesterday');
    assert.notEqual(status, 0);
    assert.match(stderr, /seq:hash/);
  });
});
