import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../cli/backup/manifest.js';
import { parseConfig } from '../../config/load.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { appendAudit, verifyAudit } from '../../db/tables/audit.js';
import type { readCaseView } from '../../db/views/caseView.js';
import { calcidisc } from '../support/command.js';
import { createEmptyDatabase, quietLog } from '../support/database.js';
import { olderDatabase } from '../support/olderDatabase.js';

/** Every table with its rows as PostgreSQL writes them, in the order of their text. */
async function contents({ knex }: Database): Promise<Record<string, string[]>> {
  const { rows } = await knex.raw(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema_%'",
  );
  const tables: Record<string, string[]> = {};
  for (const { relname } of rows) {
    const found = await knex.raw(`SELECT t::text AS line FROM "${relname}" t ORDER BY 1`);
    tables[relname] = found.rows.map(({ line }: { line: string }) => line);
  }
  return tables;
}

describe('calcidisc backup and restore, from a folder outside of the project', function () {
  // A dozen processes, most with a database server of their own.
  this.timeout(240_000);
  let dir: string;
  const place = (name: string) => join(dir, name);
  const open = (url: string) => openDatabase(parseConfig({ dataDir: dir, database: { url } }), quietLog);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-backup-'));
    // A data folder as a service leaves it: an indexed image, one that the index does not know yet, a model, the key.
    await mkdir(place('site/spool/store/1.2'), { recursive: true });
    await mkdir(place('site/spool/new'), { recursive: true });
    await mkdir(place('site/spool/incoming'), { recursive: true });
    await mkdir(place('site/models/own/1'), { recursive: true });
    await writeFile(place('site/spool/store/1.2/late.dcm'), 'came during the backup');
    await writeFile(place('site/spool/new/waiting.dcm'), 'acknowledged');
    await writeFile(place('site/spool/incoming/half'), 'never acknowledged');
    await writeFile(place('site/models/own/1/card.json'), '{}');
    await writeFile(place('site/dataset.key'), 'secret');
    await mkdir(place('site/audit'));
    await writeFile(place('site/audit/trail-1-9.jsonl'), 'what a policy took out of the trail');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('gives back every row to the bit, the chain whole, on another server; images, models and key with it', async () => {
    const url = await olderDatabase('0004');
    const from = await open(url);
    const env = { DATABASE_URL: url, CALCIDISC_DATA: place('site') };
    await appendAudit(from.knex, { event: 'CASE_VIEWED', subjectType: 'case', subjectId: 'é "\\ 漢\n' });
    const before = await contents(from);
    await from.close();
    const made = await calcidisc(['backup', place('copy'), '--json'], { env });
    assert.equal(made.code, 0, made.stderr);
    assert.deepEqual([made.json<Manifest>().spool.mode, made.json<Manifest>().spool.files], ['copied', 2]);

    const target = await createEmptyDatabase();
    const back = await calcidisc(['restore', place('copy'), '--json'], {
      env: { DATABASE_URL: target, CALCIDISC_DATA: place('restored') },
    });
    assert.equal(back.code, 0, back.stderr);
    assert.equal(back.json().handedBack, 1);
    const restored = await open(target);
    try {
      const after = await contents(restored);
      const trail = after.audit_event!;
      assert.equal(trail.filter((line) => line.includes('BACKUP_RESTORED')).length, 1);
      after.audit_event = trail.filter((line) => !line.includes('BACKUP_RESTORED'));
      assert.deepEqual(after, before);
      assert.equal((await verifyAudit(restored.knex)).ok, true);
      await assert.rejects(restored.knex('audit_event').where({ seq: 1 }).delete(), /append-only/);
    } finally {
      await restored.close();
    }
    assert.equal(await readFile(place('restored/spool/new/late.dcm'), 'utf8'), 'came during the backup');
    assert.equal(await readFile(place('restored/dataset.key'), 'utf8'), 'secret');
    assert.deepEqual(await readdir(place('restored/models')), ['own']);
    assert.deepEqual(await readdir(place('restored/audit')), ['trail-1-9.jsonl']);
    assert.ok(!(await readdir(place('restored/spool'))).includes('incoming'));
  });

  it('restores into the embedded database, which then answers as the old one did', async () => {
    const env = { CALCIDISC_DATA: place('embedded') };
    const back = await calcidisc(['restore', place('copy')], { env });
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /the chain is whole/);
    const verdict = await calcidisc(['audit', 'verify', '--json'], { env });
    assert.equal(verdict.json().ok, true, verdict.stderr);
    const list = await calcidisc(['list', '--find', 'OLD-1', '--json'], { env });
    const [row] = list.json<{ cases: { id: string }[] }>().cases;
    const shown = await calcidisc(['case', row!.id.slice(0, 8), '--json'], { env });
    const view = shown.json<NonNullable<Awaited<ReturnType<typeof readCaseView>>>>();
    assert.equal(view.inferences.length, 5);
  });

  it('touches nothing that is there, and says which', async () => {
    const env = { CALCIDISC_DATA: place('embedded') };
    const again = await calcidisc(['restore', place('copy')], { env });
    assert.equal(again.code, 1);
    assert.match(again.stderr, /not empty/);
    const over = await calcidisc(['backup', place('copy')], { env });
    assert.equal(over.code, 1);
    assert.match(over.stderr, /copy is not empty/);
  });

  it('a backup with a row exchanged, or of a newer version, is refused and nothing is restored', async () => {
    const manifest = JSON.parse(await readFile(place('copy/manifest.json'), 'utf8')) as Manifest;
    const study = manifest.database.tables.find(({ name }) => name === 'study')!;
    study.sha256 = '0'.repeat(64);
    await writeFile(place('copy/manifest.json'), JSON.stringify(manifest));
    const target = await createEmptyDatabase();
    const env = { DATABASE_URL: target, CALCIDISC_DATA: place('never') };
    const back = await calcidisc(['restore', place('copy')], { env });
    assert.deepEqual(
      [back.code, /study\.jsonl\.gz is not the file/.test(back.stderr)],
      [1, true],
      back.stderr,
    );
    manifest.database.migrations.push('9999_tomorrow');
    await writeFile(place('copy/manifest.json'), JSON.stringify(manifest));
    const other = { DATABASE_URL: await createEmptyDatabase(), CALCIDISC_DATA: place('never-either') };
    const newer = await calcidisc(['restore', place('copy')], { env: other });
    assert.match(newer.stderr, /newer than this version/);
  });

  it('--spool list keeps the names and sizes, and a restore counts what is not there', async () => {
    const env = { CALCIDISC_DATA: place('embedded') };
    const made = await calcidisc(['backup', place('listed'), '--spool', 'list', '--json'], { env });
    assert.equal(made.json<Manifest>().spool.mode, 'listed', made.stderr);
    assert.ok(!(await readdir(place('listed'))).includes('spool'));
    const into = { DATABASE_URL: await createEmptyDatabase(), CALCIDISC_DATA: place('without-images') };
    const back = await calcidisc(['restore', place('listed'), '--json'], { env: into });
    assert.equal(back.json().missing, 2, back.stderr);
  });
});
