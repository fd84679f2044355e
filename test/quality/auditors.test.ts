import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PeopleAnswer } from '../../agent/expose/schemas.js';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import { type SeedTruth, seedDatabase } from '../../cli/seed/seed.js';
import { projectRoot } from '../../config/root.js';
import { createKnex } from '../../db/server/knex.js';
import { createReaderRole, READER_VIEWS } from '../../db/server/readerRole.js';
import { appendAudit, auditColumns, headHash, verifyAudit } from '../../db/tables/audit.js';
import { listAcknowledgements } from '../../db/tables/qualityAcknowledgements.js';
import { token } from '../access/rig.js';
import { quietLog, useDatabase } from '../support/database.js';

interface Question {
  readonly number: number;
  readonly page: string;
  readonly label: string;
  readonly api: string;
  readonly path: string;
  /** Null: SQL alone cannot say. */
  readonly sql: string | null;
}

/** The table of docs/auditors.md: what is asked there is what is tried. */
const QUESTIONS: readonly Question[] = readFileSync(join(projectRoot, 'docs/auditors.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => {
    const [, number, , page = '', api = '', sql = ''] = line.split(/ ?\| ?/);
    const [, address = '', label = ''] = /^`([^`]+)`(?: "([^"]+)")?/.exec(page) ?? [];
    const [, endpoint = '', path = ''] = /^`([^`]+)` `([^`]+)`/.exec(api) ?? [];
    return {
      number: Number(number),
      page: address,
      label,
      api: endpoint,
      path,
      sql: /^`([^`]+)`/.exec(sql)?.[1] ?? null,
    };
  });

describe('quality: what auditors ask, by page, API and SQL', function () {
  this.timeout(300_000);
  // Before the database goes, which takes its hook from the next line.
  after(async () => {
    await http?.close();
    await reader?.destroy();
    await db.database.knex.raw(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  const db = useDatabase({ http: { port: 0 } });
  const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
  let http: RunningHttp;
  let truth: SeedTruth;
  let reader: ReturnType<typeof createKnex>;
  const role = `auditor_${process.pid}`;
  let auditor: string;

  before(async () => {
    truth = await seedDatabase(db.database.knex, db.config, quietLog, {
      studies: 600,
      seed: 3,
      until: '2026-06-30',
      reports: 20,
      people: true,
      actor: 'user:tester',
    });
    http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    auditor = await token(db.database, 'auditor', 'auditor');
    const url = new URL(db.database.url);
    url.password = await createReaderRole(db.database.knex, role);
    url.username = role;
    reader = createKnex(url.href, 1);
  });

  const get = async (path: string, accept = 'text/html') => {
    const answer = await fetch(`http://127.0.0.1:${http.port}${path}`, {
      headers: { accept, authorization: `Bearer ${auditor}` },
    });
    return { status: answer.status, text: await answer.text() };
  };
  /** What is said right after a label: the three hundred characters behind it. */
  const saidAt = async ({ page, label }: Pick<Question, 'page' | 'label'>) => {
    const { status, text } = await get(page);
    assert.equal(status, 200, page);
    const words = text
      .slice(text.indexOf('<main'))
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ');
    return words
      .split(label)
      .slice(1)
      .map((each) => each.slice(0, 300))
      .join(' … ');
  };

  it('asks twenty questions, and ten of people', () => {
    assert.deepEqual(
      QUESTIONS.map(({ number }) => number),
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
  });

  for (const each of QUESTIONS)
    it(`${each.number}: ${each.page} ${each.label}`, async () => {
      const { rows } = await reader.raw(
        "SELECT accession_number FROM qa_result WHERE level = 'L5-S1' AND role = 'active' AND ct_label = 'calcified' ORDER BY accession_number LIMIT 1",
      );
      const filled = (text: string) =>
        text
          .replaceAll('SCANNER', truth.badScanner)
          .replaceAll('ACCESSION', rows[0].accessionNumber)
          .replaceAll('SITE', truth.scanners[0]!.site);
      const page = await saidAt({ ...each, page: filled(each.page) });
      const document = JSON.parse((await get(filled(each.api), 'application/json')).text);
      const answer = each.path
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      if (each.path === 'events') return assert.ok(Array.isArray(answer) && answer.length > 0);
      assert.notEqual(answer, undefined, each.path);
      const bySql =
        each.sql === null ? answer : Object.values((await reader.raw(filled(each.sql))).rows[0])[0];
      const digits = String(bySql).includes('.') ? 3 : 0;
      const byApi = typeof answer === 'number' ? answer.toFixed(digits) : String(answer);
      assert.equal(String(bySql), byApi, 'SQL and API differ');
      const words = byApi.replace(/^not-/, 'Not ');
      assert.ok(
        page.toLowerCase().includes(words.toLowerCase()),
        `the page says: ${page.slice(0, 300)}; wanted ${words}`,
      );
    });

  it('the role reads its views and nothing else, and writes nothing', async () => {
    for (const view of READER_VIEWS) await reader.raw(`SELECT * FROM ${view} LIMIT 1`);
    for (const table of ['study', '"case"', 'worklist_entry', 'audit_event', 'account', 'report'])
      await assert.rejects(reader.raw(`SELECT * FROM ${table} LIMIT 1`), /permission denied/, table);
    await assert.rejects(
      reader.raw('DELETE FROM qa_agreement'),
      /read-only transaction|permission denied|cannot delete/,
    );
    const { rows } = await reader.raw('SELECT * FROM qa_result LIMIT 1');
    assert.ok(!Object.keys(rows[0]).some((column) => /patient/i.test(column)));
  });

  it('every count of the page opens the list of its discs, of shadows too', async () => {
    const { text } = await get('/quality');
    const counts = [
      ...text.matchAll(/<td class="number"><a href="(\/quality\/discs\?[^"]+)">(\d+)<\/a>/g),
    ].slice(0, 24);
    assert.ok(counts.length > 20 && counts.some(([, href]) => href!.includes('densenet121')));
    for (const [, href, discs] of counts) {
      const list = await get(href!.replaceAll('&amp;', '&'));
      assert.equal(/<small>(\d+) of \d+ cases/.exec(list.text)?.[1], discs, href);
    }
  });

  it('BMI is a group, with one of its own for what is not said, and a filter of page and JSON', async () => {
    const { text } = await get('/quality');
    const groups = [...text.matchAll(/<a href="(\/quality\/discs\?bmi=([^&"]+)[^"]*)">(\d+)<\/a>/g)];
    assert.deepEqual(
      [...new Set(groups.map(([, , group]) => group))],
      ['under-18.5', '18.5-24.9', '25-29.9', 'from-30', 'not-said'],
    );
    for (const [, href, , discs] of groups) {
      const list = await get(href!.replaceAll('&amp;', '&'));
      assert.equal(/<small>(\d+) of \d+ cases/.exec(list.text)?.[1], discs, href);
    }
    const discs = async (bmi: string) =>
      JSON.parse((await get(`/api/v1/quality?${bmi}`)).text).models[0].discs as number;
    let sum = 0;
    for (const [bmi, where] of [
      ['from-30', 'bmi >= 30'],
      ['under-18.5', 'bmi < 18.5'],
      ['not-said', 'bmi IS NULL'],
    ]) {
      const { rows } = await reader.raw(
        `SELECT count(*)::integer AS n FROM qa_result WHERE role = 'active' AND ct_label IN ('calcified', 'not-calcified') AND ${where}`,
      );
      assert.equal(await discs(`bmi=${bmi}`), rows[0].n, bmi);
      sum += rows[0].n;
    }
    assert.ok(sum > 0 && sum < (await discs('')));
    const listed = JSON.parse((await get('/api/cases?bmi=not-said&limit=1')).text) as { total: number };
    const page = (await get('/quality?bmi=not-said')).text;
    assert.match(page, new RegExp(`<a href="/\\?bmi=not-said">${listed.total}</a>`));
  });

  it('every number of people opens the list of its cases', async () => {
    PeopleAnswer.parse(JSON.parse((await get('/api/v1/people', 'application/json')).text));
    const { text } = await get('/people');
    const numbers = [...text.matchAll(/<a href="(\/people\/cases[^"]*)">(\d+)<\/a>/g)];
    const asked = new Set(numbers.map(([, href]) => href!.replace(/person=[^&]*/, 'person')));
    for (const what of [
      'there=before',
      'there=after',
      'there=no-time',
      'opened=nobody',
      'verdict=rejected',
      'person',
    ])
      assert.ok(
        [...asked].some((href) => href.includes(what)),
        what,
      );
    for (const [, href, cases] of numbers) {
      const list = await get(href!.replaceAll('&amp;', '&'));
      assert.equal(/<small>(\d+) case/.exec(list.text)?.[1], cases, href);
    }
    const pages: string[] = [];
    for (let path: string | undefined = '/people/cases?there=before'; path; ) {
      const page: string = (await get(path.replaceAll('&amp;', '&'))).text;
      pages.push(...[...page.matchAll(/<a href="\/cases\/([0-9a-f-]{36})"/g)].map(([, id]) => id!));
      path = /rel="next" href="([^"]+)"/.exec(page)?.[1];
    }
    assert.equal(new Set(pages).size, pages.length);
    assert.equal(String(pages.length), numbers.find(([, href]) => href!.endsWith('there=before'))![2]);
  });

  it('people: a look before the result, and a program, are no look; the first signature counts', async () => {
    const { knex } = db.database;
    const { rows } = await knex.raw("SELECT * FROM qa_people WHERE there = 'before' AND person = '' LIMIT 1");
    const [{ caseId, signedAt }] = rows;
    const seen = async () => (await knex.raw('SELECT * FROM qa_people WHERE case_id = ?', [caseId])).rows;
    const look = { event: 'CASE_VIEWED', subjectType: 'case', subjectId: caseId } as const;
    await appendAudit(knex, { ...look, actor: 'token:warehouse' });
    assert.deepEqual(
      (await seen()).map(({ person }: { person: string }) => person),
      [''],
    );
    await appendAudit(knex, { ...look, actor: 'user:late' });
    await appendAudit(knex, { ...look, actor: 'user:late' });
    assert.deepEqual(
      (await seen()).map(({ person, opened }: { person: string; opened: string }) => [person, opened]),
      [['user:late', 'after-signing']],
    );
    await knex('report')
      .where({ caseId })
      .update({ createdAt: new Date(Date.now() + 60_000) });
    assert.deepEqual(
      (await seen()).map(({ person }: { person: string }) => person),
      [''],
    );
    const study = knex('case').where({ id: caseId }).select('mrStudyInstanceUid');
    const first = await knex('writtenReport').where({ matchedStudy: study }).first('*');
    await knex('writtenReport').insert({
      ...first,
      id: randomUUID(),
      status: 'C',
      signedAt: new Date(signedAt.getTime() + 86_400_000),
      messageSha256: 'corrected',
    });
    assert.deepEqual((await seen())[0].signedAt, signedAt);
  });

  it('what was seeded stands on a trail that holds, at its own times, and the trail takes no time but its own again', async () => {
    const { knex } = db.database;
    const { rows } = await knex.raw(
      "SELECT count(*)::integer AS n FROM audit_event WHERE detail->>'seeded' = 'true' AND at < '2026-07-10'",
    );
    assert.ok(rows[0].n > 300);
    assert.equal((await verifyAudit(knex)).ok, true);
    const last = await headHash(knex);
    await knex('auditEvent').insert({
      ...auditColumns({ event: 'LOGIN', subjectType: 'account', subjectId: 'x' }),
      at: new Date(0),
      seq: 7,
    });
    const [row] = await knex('auditEvent').where('seq', '>', last.seq).select('seq', 'at');
    assert.equal(row.seq, last.seq + 1);
    assert.ok(Date.now() - row.at.getTime() < 60_000);
  });

  it('results come page by page, each case once, and as CSV in a registry’s columns', async () => {
    const seen = new Set<string>();
    let rows = 0;
    for (let next: string | null = ''; next !== null; ) {
      const { text } = await get(`/api/v1/results?limit=200${next && `&after=${next}`}`, 'application/json');
      const page = JSON.parse(text) as { results: { caseId: string }[]; next: string | null };
      const own = new Set(page.results.map(({ caseId }) => caseId));
      for (const id of own) assert.ok(!seen.has(id), id);
      for (const id of own) seen.add(id);
      rows += page.results.length;
      next = page.next;
    }
    assert.equal(rows, truth.discs * 3);
    const lines = (await get('/api/v1/results.csv')).text.trim().split('\r\n');
    assert.equal(lines.length, rows + 1);
    assert.match(lines[0]!, /^accession_number,.*model,model_version,.*inference_date,age,sex/);
    const cases = (await get('/worklist.csv?flag=calcified')).text.trim().split('\r\n');
    const listed = JSON.parse((await get('/api/cases?flag=calcified&limit=1')).text) as { total: number };
    assert.equal(cases.length, listed.total + 1);
  });

  it('an alarm is acknowledged with a reason, by whoever may, and stays known', async () => {
    const { alarms } = JSON.parse((await get('/api/v1/quality/alarms')).text) as { alarms: { id: string }[] };
    assert.ok(alarms.length > 0);
    const body = new URLSearchParams({ alarm: alarms[0]!.id, reason: 'new coil' });
    const post = (shown: string) =>
      fetch(`http://127.0.0.1:${http.port}/quality/alarms`, {
        method: 'POST',
        body,
        redirect: 'manual',
        headers: { authorization: `Bearer ${shown}` },
      });
    assert.equal((await post(auditor)).status, 403);
    assert.deepEqual(await listAcknowledgements(db.database.knex), []);
    assert.equal((await post(await token(db.database, 'keeper', 'administrator'))).status, 303);
    const after = JSON.parse((await get('/api/v1/quality/alarms')).text) as {
      open: number;
      alarms: { acknowledged: { reason: string; acknowledgedBy: string } | null }[];
    };
    assert.equal(after.open, alarms.length - 1);
    const { reason, acknowledgedBy } = after.alarms[0]!.acknowledged!;
    assert.deepEqual([reason, acknowledgedBy], ['new coil', 'token:keeper']);
    assert.match((await get('/quality/watch')).text, /new coil/);
  });

  it('a seeded database says so, and takes no second seeding', async () => {
    const { knex } = db.database;
    assert.ok(await knex('auditEvent').where({ event: 'DATABASE_SEEDED' }).first('seq'));
    const again = { studies: 1, seed: 1, until: '2026-06-30', reports: 1, actor: 'user:tester' };
    await assert.rejects(seedDatabase(knex, db.config, quietLog, again), /database of their own/);
  });
});
