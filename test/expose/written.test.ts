import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningHttp } from '../../agent/expose/server.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { insertVerdicts } from '../../db/tables/readerVerdicts.js';
import { PASSWORD, person, page as startPage, token } from '../access/rig.js';
import { Visitor } from '../access/visitor.js';
import { calcidisc } from '../support/command.js';
import { quietLog, useDatabase } from '../support/database.js';

describe('expose: written reports and readers as truth', function () {
  this.timeout(300_000);
  const db = useDatabase();
  let http: RunningHttp;
  let reader: Visitor;
  let dir: string;
  let studies: { caseId: string; mrStudyInstanceUid: string; accessionNumber: string; patientId: string }[];

  before(async () => {
    const options = { studies: 80, seed: 9, until: '2026-06-30', reports: 5, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    await person(db.database, 'rita', 'radiologist');
    http = await startPage(db);
    reader = new Visitor(`http://127.0.0.1:${http.port}`);
    assert.equal((await reader.logIn('rita', PASSWORD)).status, 303);
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-written-'));
    studies = await db.database
      .knex('worklistEntry')
      .where({ state: 'delivered' })
      .orderBy('caseId')
      .limit(20)
      .select('*');
  });
  after(async () => {
    await http?.close();
    if (dir) await rm(dir, { recursive: true });
  });

  const importing = async (rows: readonly string[], ...args: string[]) => {
    const file = join(dir, 'reports.csv');
    await writeFile(file, ['accession,patient,text,signed_by,signed_at', ...rows].join('\n'));
    const env = { DATABASE_URL: db.database.url, CALCIDISC_DATA: db.config.dataDir };
    return calcidisc(['reports', 'import', file, '--json', ...args], { env });
  };
  const count = async () => Number((await db.database.knex('writtenReport').count('* as n').first())!.n);

  it('a table: a dry run keeps nothing, the import is all or none, and again it is nothing new', async () => {
    const rows = studies.map(({ accessionNumber, patientId }, i) =>
      [
        accessionNumber,
        patientId,
        i % 2
          ? '"L4/5: calcified disc herniation. L5/S1: disc without calcification."'
          : 'No disc calcification.',
        'Dr A',
        '2026-07-01T08:00:00Z',
      ].join(','),
    );
    const dry = await importing([...rows, 'NOBODY,P0,No disc calcification.,,'], '--dry-run');
    const { new: fresh, matched, unmatched } = dry.json();
    assert.deepEqual([fresh, matched, unmatched], [21, 20, 1]);
    assert.equal(await count(), 0);
    const wrong = await importing([...rows, 'X,,text,,']);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /line 22: [\s\S]*patient/);
    assert.equal(await count(), 0);
    assert.equal((await importing([...rows, 'NOBODY,P0,No disc calcification.,,'])).json().new, 21);
    assert.equal((await importing(rows)).json().new, 0);
  });

  it('quality against reports: as many discs as are told of, each number opens its discs', async () => {
    const { text } = await reader.get('/quality?truth=report');
    const { rows } = await db.database.knex.raw(
      `SELECT count(*)::integer AS discs, count(*) FILTER (WHERE NOT calcified AND report)::integer AS missed
         FROM quality_disc WHERE role = 'active' AND report IS NOT NULL`,
    );
    assert.ok(rows[0].discs > 50 && rows[0].missed > 0);
    assert.match(text, /against the written report/);
    assert.match(text, /21 written reports came, 21 of them final/);
    const links = [...text.matchAll(/href="(\/quality\/discs[^"]*)">(\d+)</g)];
    const shadows = links.filter(([, link]) => link!.includes('model='));
    assert.ok(shadows.length > 8, 'shadows, too');
    for (const [, link, number] of links.slice(0, 30)) {
      const list = await reader.get(link!.replaceAll('&amp;', '&'));
      assert.match(list.text, new RegExp(`<small>${number} of \\d+ cases`), link);
    }
    const answer = await reader.get('/api/v1/quality?truth=report', { accept: 'application/json' });
    const [active] = JSON.parse(answer.text).models;
    assert.deepEqual([active.discs, active.performance.falseNegative], [rows[0].discs, rows[0].missed]);
    const unmatched = await reader.get('/quality/reports');
    assert.match(unmatched.text, /1 of 21[\s\S]*NOBODY[\s\S]*no study here has that number/);
  });

  it('the case shows the sentence; who may judge corrects it, the figures and the trail follow', async () => {
    const study = studies[1]!;
    const page = await reader.get(`/cases/${study.caseId}`);
    assert.match(
      page.text,
      /Written report[\s\S]*L4-L5<\/strong> calcified[\s\S]*<q>L4\/5: calcified disc herniation\.<\/q>/,
    );
    const path = `/cases/${study.caseId}/written`;
    const { text } = await reader.get(path);
    const [, report] = /name="report" value="([0-9a-f-]+)"/.exec(text)!;
    const correct = (level: string, word: string) => reader.post(path, { report: report!, level, word });
    assert.equal((await correct('L4-L5', 'not-mentioned')).status, 303);
    const said = async () =>
      (
        await db.database
          .knex('qualityDisc')
          .where({ caseId: study.caseId, level: 'L4-L5', role: 'active' })
          .first('report')
      )?.report;
    assert.equal(await said(), null);
    assert.match((await reader.get(path)).text, /user:rita/);
    const { rows } = await db.database.knex.raw(
      "SELECT actor, detail FROM audit_event WHERE event = 'WRITTEN_REPORT_CORRECTED'",
    );
    assert.deepEqual([rows[0].actor, rows[0].detail.after], ['user:rita', 'not-mentioned']);
    assert.equal((await correct('L4-L5', '')).status, 303);
    assert.equal(await said(), true);
    assert.equal((await correct('L9-L9', '')).status, 400);
    const other = `/cases/${studies[2]!.caseId}/written`;
    assert.equal(
      (
        await reader.send('POST', other, {
          report: report!,
          level: 'L4-L5',
          word: '',
          _csrf: /name="_csrf" value="([^"]+)"/.exec(text)![1]!,
        })
      ).status,
      404,
    );
    const looker = new Visitor(reader.origin, {
      authorization: `Bearer ${await token(db.database, 'looker', 'viewer')}`,
    });
    assert.doesNotMatch((await looker.get(path)).text, /name="report"/);
    assert.equal((await looker.send('POST', path, { report: report!, level: 'L4-L5' })).status, 403);
  });

  it('what a report says is text on every page', async () => {
    const { accessionNumber, patientId, caseId } = studies[3]!;
    const row = [
      accessionNumber,
      patientId,
      '"L3/4: <script>alert(1)</script> calcified disc."',
      '<b>x</b>',
      '2026-07-02T08:00:00Z',
    ];
    await importing([row.join(',')]);
    for (const path of [`/cases/${caseId}`, `/cases/${caseId}/written`]) {
      const { text } = await reader.get(path);
      assert.ok(text.includes('&lt;script&gt;') && !text.includes('<script>alert'), path);
      assert.ok(!text.includes('<b>x</b>'), path);
    }
  });

  it("quality against readers' verdicts counts each disc once", async () => {
    const { rows: reports } = await db.database.knex.raw('SELECT id, case_id FROM report LIMIT 1');
    const { id: reportId, caseId } = reports[0];
    const { level } = await db.database.knex('qualityDisc').where({ caseId, role: 'active' }).first('level');
    await insertVerdicts(db.database.knex, [
      {
        caseId,
        reportId,
        sopInstanceUid: '2.25.1',
        datasetSha256: 'a',
        disc: level,
        verdict: 'confirmed',
        answer: 'calcified',
        level: null,
        box: null,
        words: '',
        reader: 'R',
        callingAe: 'P',
        receivedAt: new Date(),
      },
    ]);
    const answer = await reader.get('/api/v1/quality?truth=reader&from=2020-01-01', {
      accept: 'application/json',
    });
    const { models } = JSON.parse(answer.text);
    assert.ok(models.length >= 2 && models.every(({ discs }: { discs: number }) => discs === 1));
  });
});
