import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { listRegions } from '../../../db/tables/regions.js';
import { compareRegions } from '../../../models/dataset/compare.js';
import { type ExportRequest, exportDataset } from '../../../models/dataset/export.js';
import { type ImportRequest, importMarkups } from '../../../models/dataset/importMarkups.js';
import { templateOf } from '../../../models/dataset/template.js';
import { parseCsv } from '../../../models/evaluation/csv.js';
import { exportRequest, openSite, type Site } from './site.js';

const FIXTURES = join(projectRoot, 'test/fixtures/markups');
const MR = { matrix: 320, slices: 9, obliqueDeg: 6 };

describe('dataset: what people draw in 3D Slicer on a real case', function () {
  this.timeout(600_000);
  let site: Site;
  let caseId: string;
  let withoutCt: string;

  before(async () => {
    // The fixtures were drawn on this phantom: other settings have their discs elsewhere.
    site = await openSite([
      { seed: 31, patientId: 'FRIDA-31', calcified: ['L4-L5', 'L2-L3'], mr: MR },
      { seed: 24, patientId: 'GUSTAV-32', calcified: ['L4-L5'], withoutCt: true },
    ]);
    [caseId, withoutCt] = site.patients.map((patient) => patient.caseId) as [string, string];
  });
  after(() => site?.close());

  const take = (files: readonly string[], changes: Partial<ImportRequest> = {}) =>
    importMarkups(site, {
      ...(changes.studyInstanceUid ? {} : { caseId }),
      reader: 'anna',
      actor: 'user:test',
      files: files.map((file) => (file.startsWith('/') ? file : join(FIXTURES, `${file}.mrk.json`))),
      ...changes,
    });
  /** A fixture with something changed, as a file of its own. */
  const variant = async (name: string, change: (file: { markups: Record<string, unknown>[] }) => void) => {
    const file = JSON.parse(await readFile(join(FIXTURES, 'reader-lps.mrk.json'), 'utf8'));
    change(file);
    const path = join(site.dir, `${name}.mrk.json`);
    await writeFile(path, JSON.stringify(file));
    return path;
  };
  const stored = async () => Number((await site.database.knex('readerRegion').count('* as n').first())!.n);

  it('the localiser’s own regions, written for Slicer and read back, are the same to the last bit', async () => {
    const { text, regions } = await templateOf(site, { caseId, actor: 'user:test' });
    assert.equal(regions, 5);
    const path = join(site.dir, 'template.mrk.json');
    await writeFile(path, text);
    await take([path], { reader: 'copyist' });
    const drawn = await site.database.knex('readerRegion').where({ reader: 'copyist' }).select('*');
    const automatic = await listRegions(site.database.knex, caseId, 1);
    for (const { level, png, roiPixel, sopInstanceUid } of automatic) {
      const same = drawn.find((region) => region.level === level);
      assert.deepEqual(same.roiPixel, roiPixel);
      assert.equal(same.sopInstanceUid, sopInstanceUid);
      assert.ok(Buffer.from(png!).equals(same.png!), `${level}: the picture is the same`);
      assert.equal(same.pngSha256, createHash('sha256').update(png!).digest('hex'));
    }
    const { iou, regions: compared } = await compareRegions(site, { reader: 'copyist' });
    assert.deepEqual([iou.count, iou.mean, iou.median], [5, 1, 1]);
    assert.ok(compared.every(({ isSameImage, fitsBetter }) => isSameImage && fitsBetter === null));
  });

  it('boxes in LPS and RAS on an oblique series: level, label, place, and how well the localiser agrees', async () => {
    const imported = await take(['reader-lps', 'reader-ras']);
    assert.deepEqual([imported.stored, imported.passedOver], [3, 1]);
    assert.deepEqual(
      imported.regions.map(({ level, label }) => [level, label]),
      [
        ['L4-L5', 'calcified'],
        ['L5-S1', 'not-calcified'],
        ['L3-L4', 'not-calcified'],
      ],
    );
    for (const { turnedDegrees } of imported.regions)
      assert.ok(Math.abs(turnedDegrees - 6) < 1.5, `${turnedDegrees}°`);
    const { iou, byLevel, labels, regions } = await compareRegions(site, { caseId, reader: 'anna' });
    assert.equal(iou.count, 3);
    assert.ok(iou.least! > 0.75 && iou.mean! < 1, JSON.stringify(iou));
    assert.deepEqual([byLevel['L1-L2'].count, byLevel['L4-L5'].count], [0, 1]);
    assert.deepEqual(labels, { both: 3, agree: 3 });
    assert.ok(regions.every(({ fitsBetter }) => fitsBetter === null));
    const event = await site.database
      .knex('auditEvent')
      .where({ event: 'READER_REGIONS_IMPORTED' })
      .orderBy('seq', 'desc')
      .first('*');
    assert.deepEqual(
      [event.actor, event.subjectId, event.detail.reader, event.detail.stored],
      ['user:test', caseId, 'anna', 3],
    );
    const bytes = await readFile(join(FIXTURES, 'reader-lps.mrk.json'));
    assert.ok(event.detail.files.includes(createHash('sha256').update(bytes).digest('hex')));
  });

  it('the same file again is nothing new; another drawing counts from then on, the first stays on record', async () => {
    const before = await stored();
    assert.equal((await take(['reader-lps'])).stored, 0);
    assert.equal(await stored(), before);
    const moved = await variant('moved', ({ markups }) => {
      markups.splice(1);
      markups[0]!.name = 'L4-L5 not calcified';
      markups[0]!.center = [0.9, 29, -46];
    });
    assert.equal((await take([moved])).stored, 1);
    assert.equal(await stored(), before + 1);
    const { regions } = await compareRegions(site, { caseId, reader: 'anna' });
    assert.deepEqual(
      regions.map(({ level, readerLabel }) => [level, readerLabel]),
      [
        ['L3-L4', 'not-calcified'],
        ['L4-L5', 'not-calcified'],
        ['L5-S1', 'not-calcified'],
      ],
    );
  });

  it('all problems of all files are named at once, and nothing is stored', async () => {
    const before = await stored();
    const events = await site.database.knex('auditEvent').count('* as n').first();
    const far = await variant('far', ({ markups }) => {
      markups[0]!.center = [90, 23, -46];
      Object.assign(markups[1]!, { name: 'left one', controlPoints: [] });
    });
    const broken = join(site.dir, 'broken.mrk.json');
    await writeFile(broken, '{');
    const twice = join(site.dir, 'twice.mrk.json');
    await copyFile(join(FIXTURES, 'reader-ras.mrk.json'), twice);
    await assert.rejects(take([far, broken, 'reader-ras', twice]), (error: Error & { code: string }) => {
      assert.equal(error.code, 'MARKUP_INVALID');
      for (const part of [
        /far\.mrk\.json, markup 1: it does not meet the slices: the nearest lies \d+\.\d mm/,
        /far\.mrk\.json, markup 2: it says no level \("left one"/,
        /broken\.mrk\.json: it is no JSON/,
        /L3-L4 is drawn 2 times/,
      ])
        assert.match(error.message, part);
      return true;
    });
    assert.equal(await stored(), before);
    assert.deepEqual(await site.database.knex('auditEvent').count('* as n').first(), events);
  });

  it('a level named wrongly is taken, and told: it fits another one better', async () => {
    const wrong = await variant('wrong', ({ markups }) => {
      markups.splice(1);
      markups[0]!.name = 'L3-L4 calcified';
    });
    await take([wrong], { reader: 'bernd' });
    const [only] = (await compareRegions(site, { reader: 'bernd' })).regions;
    assert.equal(only?.fitsBetter, 'L4-L5');
    assert.ok(only!.iou! < 0.2);
  });

  it('by study; a case or a study that is not there says so', async () => {
    const studyInstanceUid = site.patients[0]!.truth.mr.studyInstanceUid;
    assert.equal((await take(['reader-lps'], { studyInstanceUid, reader: 'carla' })).caseId, caseId);
    await assert.rejects(take(['reader-lps'], { studyInstanceUid: '1.2.3' }), { code: 'CASE_NOT_FOUND' });
    await assert.rejects(take(['reader-lps'], { caseId: 'ffffffff-0000' }), { code: 'CASE_NOT_FOUND' });
  });

  describe('exported', () => {
    const run = (changes: Partial<ExportRequest>) =>
      exportDataset(
        site,
        exportRequest(site, {
          outDir: join(site.dir, `set-${Math.random()}`),
          regions: 'reader',
          labels: 'reader',
          ...changes,
        }),
      );
    const table = async (folder: string) =>
      parseCsv(await readFile(join(folder, 'labels.csv'), 'utf8'), 'labels.csv').map(({ values }) => values);

    it('drawn regions with the reader’s labels, no CT needed; the reader under a pseudonym', async () => {
      const { text } = await templateOf(site, { caseId: withoutCt, actor: 'user:test' });
      const own = join(site.dir, 'own.mrk.json');
      await writeFile(
        own,
        text
          .replace('"name": "L4-L5"', '"name": "L4-L5 calcified"')
          .replace('"name": "L1-L2"', '"name": "L1-L2 indeterminate"'),
      );
      await take([own], { caseId: withoutCt, reader: 'anna' });
      const { folder, manifest } = await run({ reader: 'anna' });
      const rows = await table(folder);
      assert.deepEqual(rows.map(({ level, label }) => `${level} ${label}`).sort(), [
        'L3-L4 not-calcified',
        'L4-L5 calcified',
        'L4-L5 not-calcified',
        'L5-S1 not-calcified',
      ]);
      assert.ok(rows.every((row) => row.label_source === 'reader' && row.region_source === 'reader'));
      assert.equal(new Set(rows.map(({ reader }) => reader)).size, 1);
      assert.match(rows[0]!.reader!, /^R[0-9a-f]{16}$/);
      const left = manifest.leftOut.discs.map(({ reason, count }) => `${count} ${reason}`);
      assert.deepEqual(left, ['1 label-indeterminate', '3 no-reader-label']);
      const known = new Set(
        (await site.database.knex('readerRegion').select('pngSha256')).map(({ pngSha256 }) => pngSha256),
      );
      for (const { file } of rows)
        assert.ok(
          known.has(
            createHash('sha256')
              .update(await readFile(join(folder, file!)))
              .digest('hex'),
          ),
        );
      for (const file of await readdir(folder, { recursive: true }))
        if (/\.(csv|json)$/.test(file))
          assert.doesNotMatch(await readFile(join(folder, file), 'utf8'), /anna|FRIDA|GUSTAV/i);
    });

    it('drawn regions with the CT’s labels, and the localiser’s with the reader’s', async () => {
      const byCt = await table((await run({ reader: 'anna', labels: 'ct' })).folder);
      assert.deepEqual(
        byCt.map(({ level, label, label_source: source }) => `${level} ${label} ${source}`).sort(),
        ['L3-L4 not-calcified ct', 'L4-L5 calcified ct', 'L5-S1 not-calcified ct'],
      );
      const automatic = await run({ reader: 'anna', regions: 'automatic', labels: 'reader' });
      const rows = await table(automatic.folder);
      assert.equal(rows.length, 4);
      assert.ok(rows.every((row) => row.region_source === 'automatic' && row.label_source === 'reader'));
    });

    it('several readers: it has to be said whose', async () => {
      await assert.rejects(run({}), {
        code: 'DATASET_INVALID',
        message: /--reader.*anna, bernd, carla, copyist/,
      });
      await assert.rejects(run({ reader: 'zoe' }), { code: 'DATASET_INVALID', message: /no regions of zoe/ });
      await assert.rejects(run({ reader: 'anna', withAnswers: true }), { code: 'DATASET_INVALID' });
    });
  });

  describe('on the command line', () => {
    const calcidisc = (...args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const env = {
          ...process.env,
          CALCIDISC_DATA: site.config.dataDir,
          DATABASE_URL: site.config.database.url,
        };
        const cli = join(projectRoot, 'bin', 'calcidisc.mjs');
        execFile(
          process.execPath,
          [cli, 'dataset', ...args],
          { cwd: site.dir, env },
          (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
        );
      });

    it('export makes its key beside the data, prints what is in it, and --json one document', async () => {
      const first = await calcidisc('export', '--out', 'cli-set', '--site', 'south');
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stdout, /2 regions of 1 patient in .*cli-set, 2 of them calcified/);
      assert.match(
        first.stdout,
        /SHORT of 1 control at L2-L3.*left out of 2 cases: 1 case no-ct; 3 discs control-not-drawn/s,
      );
      assert.ok((await readdir(site.config.dataDir)).includes('dataset.key'));
      const again = await calcidisc('export', '--out', 'cli-set', '--controls', 'all', '--json');
      assert.equal(again.code, 1);
      assert.match(again.stderr, /not empty; --force/);
      const forced = await calcidisc('export', '--out', 'cli-set', '--controls', 'all', '--force', '--json');
      assert.equal(forced.code, 0, forced.stderr);
      assert.equal(JSON.parse(forced.stdout).manifest.counts.regions, 5);
      assert.equal((await calcidisc('export', '--out', 'x', '--since', '2024-02-31')).code, 2);
    });

    it('import, compare, markups and opt-out', async () => {
      const file = join(FIXTURES, 'reader-lps.mrk.json');
      const done = await calcidisc(
        'import',
        '--case',
        caseId.slice(0, 8),
        '--reader',
        'dora',
        '--markups',
        file,
      );
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stdout, /2 regions stored .*by dora; 1 markup passed over/);
      assert.match(done.stdout, /L4-L5 {2}IoU 0\.\d\d, reader calcified, CT calcified/);
      const compared = await calcidisc('compare', '--reader', 'dora', '--json');
      assert.equal(JSON.parse(compared.stdout).iou.count, 2);
      assert.equal(
        (await calcidisc('import', '--reader', 'dora', '--markups', file)).code,
        2,
        'no case named',
      );
      const refused = await calcidisc(
        'import',
        '--case',
        withoutCt,
        '--reader',
        'dora',
        '--markups',
        join(site.dir, 'far.mrk.json'),
      );
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /does not meet the slices/);
      assert.equal((await calcidisc('markups', caseId, '--out', 'boxes.mrk.json')).code, 0);
      assert.equal((await calcidisc('opt-out', 'GUSTAV-32')).stdout, 'GUSTAV-32 is now out of research\n');
      assert.deepEqual(JSON.parse((await calcidisc('opt-out', '--json')).stdout).length, 1);
    });
  });
});
