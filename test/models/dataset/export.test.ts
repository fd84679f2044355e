import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { verifyAudit } from '../../../db/tables/audit.js';
import { deleteOptOut, insertOptOut } from '../../../db/tables/optOuts.js';
import { type ExportRequest, exportDataset } from '../../../models/dataset/export.js';
import { openKey, pseudonymsOf } from '../../../models/dataset/pseudonyms.js';
import { parseCsv } from '../../../models/evaluation/csv.js';
import { parseLabels } from '../../../models/evaluation/dataset.js';
import { runTool } from '../../support/dcmtk.js';
import { needsPeer } from '../../support/peers.js';
import { identifiersOf } from './identifiers.js';
import { exportRequest, openSite, type Site } from './site.js';

/** One patient twice, half a year apart; one without CT. */
const PATIENTS = [
  { seed: 21, patientId: 'ANNA-4711', calcified: ['L4-L5', 'L5-S1'], mrDate: '20240110', ctDate: '20240120' },
  { seed: 26, patientId: 'ANNA-4711', calcified: [], mrDate: '20240708', ctDate: '20240703' },
  { seed: 22, patientId: 'BERTHOLD-0815', calcified: ['L3-L4'], mrDate: '20230301', ctDate: '20230301' },
  { seed: 24, patientId: 'CAROLA-1234', calcified: [], mrDate: '20240215', ctDate: '20240213' },
  {
    seed: 21,
    noise: 1.1,
    patientId: 'DORA-5678',
    calcified: ['L4-L5', 'L5-S1'],
    mrDate: '20240305',
    withoutCt: true,
  },
] as const;

describe('dataset export: what leaves, on real cases', function () {
  this.timeout(600_000);
  let site: Site;
  let count = 0;
  /** What the database has with a certain label: a phantom's CT may leave one indeterminate. */
  let certain: readonly { readonly caseId: string; readonly level: string; readonly label: string }[];
  const certainAt = (level: string) =>
    certain.filter((disc) => disc.level === level && disc.label !== 'calcified');

  before(async () => {
    site = await openSite(PATIENTS.map(({ calcified, ...rest }) => ({ ...rest, calcified: [...calcified] })));
    await keyBeyond(join(site.dir, 'secret.key'), 600);
    certain = await site.database
      .knex('discRegion as r')
      .join('ctMeasurement as m', (join) => join.on('m.caseId', 'r.caseId').on('m.level', 'r.level'))
      .whereNot('m.label', 'indeterminate')
      .select('r.caseId', 'r.level', 'm.label');
    assert.ok(certain.length >= 17, `${certain.length} of 20 discs of four pairs`);
  });
  after(() => site?.close());

  const request = (changes: Partial<ExportRequest> = {}): ExportRequest =>
    exportRequest(site, { outDir: join(site.dir, `export-${count++}`), site: 'north', ...changes });
  const run = (changes: Partial<ExportRequest> = {}) => exportDataset(site, request(changes));
  const table = async (folder: string) =>
    parseCsv(await readFile(join(folder, 'labels.csv'), 'utf8'), 'labels.csv').map(({ values }) => values);

  it('every disc whose level and label are certain, with the label of its CT and the truth of the phantom', async () => {
    const { folder, manifest } = await run();
    const rows = await table(folder);
    assert.equal(rows.length, certain.length);
    const calcified = rows.filter(({ label }) => label === 'calcified').map(({ level }) => level);
    assert.deepEqual(calcified.sort(), ['L3-L4', 'L4-L5', 'L5-S1']);
    for (const { label, hu } of rows)
      if (label === 'calcified') assert.ok(Number(hu) >= 120.1 && Number(hu) <= 383.7, `${hu} HU`);
    assert.equal(new Set(rows.map(({ patient }) => patient)).size, 3);
    assert.deepEqual(
      manifest.leftOut.cases.map(({ reason, count: n }) => [reason, n]),
      [['no-ct', 1]],
    );
    assert.deepEqual(manifest.labelRules, [{ huLow: 120.1, huHigh: 383.7 }]);
    assert.deepEqual(
      [manifest.counts.regions, manifest.counts.calcified, manifest.counts.cases],
      [certain.length, 3, 4],
    );
    // Born on 15 June: one patient's second MR is from July. Which line comes first hangs on the key.
    assert.deepEqual([...new Set(rows.map(({ age }) => age))].sort(), ['53', '54']);
    for (const { sex, bmi } of rows) assert.deepEqual([sex, bmi], ['O', '24.9']);
  });

  it('pictures are the stored ones, bit for bit, and belong to the disc whose line names them', async () => {
    const { folder } = await run();
    const stored = await site.database
      .knex('discRegion as r')
      .join('case as c', 'c.id', 'r.caseId')
      .select('r.*');
    const known = new Map(stored.map((row) => [row.pngSha256, row]));
    const cases = new Map<string, Set<string>>();
    for (const { file, level, label, case: name } of await table(folder)) {
      const hash = createHash('sha256')
        .update(await readFile(join(folder, file!)))
        .digest('hex');
      const { caseId } = known.get(hash);
      assert.equal(known.get(hash).level, level);
      assert.equal(certain.find((disc) => disc.caseId === caseId && disc.level === level)?.label, label);
      cases.set(name!, (cases.get(name!) ?? new Set()).add(caseId));
    }
    assert.ok(
      [...cases.values()].every((ids) => ids.size === 1),
      'a pseudonym stands for one case',
    );
  });

  it('no byte of it holds anything that identifies', async () => {
    const { folder } = await run({ withAnswers: true });
    const files = (await readdir(folder, { recursive: true })).filter(
      (name) => name.includes('.') || name === 'SHA256SUMS',
    );
    const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(join(folder, file)))));
    const everything = [bytes.toString('latin1'), ...files].join('\n');
    const identifiers = await identifiersOf(site);
    assert.ok(identifiers.size > 500, 'there was something to look for');
    for (const identifier of identifiers)
      assert.ok(!everything.includes(identifier), `${JSON.stringify(identifier)} left`);
    for (const chunk of ['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME'])
      assert.ok(!everything.includes(chunk), chunk);
  });

  it('intervals within a patient survive, dates do not', async () => {
    const rows = await table((await run()).folder);
    const visits = new Map(
      rows.map(({ case: name, patient, mr_date: mr, ct_date: ct }) => [name, { patient, mr: mr!, ct: ct! }]),
    );
    const days = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 86_400_000;
    const intervals = [...visits.values()].map(({ mr, ct }) => days(mr, ct));
    assert.deepEqual(
      intervals.toSorted((a, b) => a - b),
      [-5, -2, 0, 10],
    );
    const anna = [...visits.values()].filter(
      ({ patient }) => [...visits.values()].filter((one) => one.patient === patient).length === 2,
    );
    const [first, second] = anna.map(({ mr }) => mr).sort() as [string, string];
    assert.equal(days(first, second), days('2024-01-10', '2024-07-08'));
    const shifts = new Set([...visits.values()].map(({ mr }) => mr));
    for (const { mrDate } of PATIENTS)
      assert.ok(!shifts.has(`${mrDate.slice(0, 4)}-${mrDate.slice(4, 6)}-${mrDate.slice(6)}`));
  });

  it('the same key gives the same pseudonyms and the same table; another key shares none', async () => {
    const [one, two] = [await run(), await run()];
    assert.deepEqual(
      await readFile(join(one.folder, 'labels.csv')),
      await readFile(join(two.folder, 'labels.csv')),
    );
    const other = await run({ keyFile: join(site.dir, 'other.key') });
    const names = async (folder: string) =>
      new Set((await table(folder)).flatMap(({ patient, study, case: name }) => [patient, study, name]));
    const [ours, theirs] = [await names(one.folder), await names(other.folder)];
    assert.equal(ours.size, theirs.size);
    assert.ok([...ours].every((name) => !theirs.has(name)));
    assert.notEqual(one.manifest.keyFingerprint, other.manifest.keyFingerprint);
    assert.equal((await stat(join(site.dir, 'secret.key'))).mode & 0o777, 0o600);
  });

  it('controls are drawn to the proportions of the cases, the same for the same seed', async () => {
    const { folder, manifest } = await run({ controls: 'proportional', seed: 5 });
    const rows = await table(folder);
    const at = (label: string) =>
      rows
        .filter((row) => row.label === label)
        .map(({ level }) => level)
        .sort();
    assert.deepEqual(at('not-calcified'), at('calcified'));
    assert.deepEqual(at('calcified'), ['L3-L4', 'L4-L5', 'L5-S1']);
    assert.equal(
      manifest.controls.how === 'proportional' && manifest.controls.available['L4-L5'],
      certainAt('L4-L5').length,
    );
    const again = await run({ controls: 'proportional', seed: 5 });
    assert.deepEqual(await table(again.folder), rows);
    const draws = new Set<string>();
    for (let seed = 1; seed <= 8; seed++)
      draws.add(JSON.stringify(await table((await run({ controls: 'proportional', seed })).folder)));
    assert.ok(draws.size > 1, 'another seed draws others');
    const many = await run({ controls: 'proportional', perCase: 5 });
    const short = Object.fromEntries(
      ['L3-L4', 'L4-L5', 'L5-S1'].map((level) => [level, 5 - certainAt(level).length]),
    );
    assert.deepEqual(many.manifest.controls.how === 'proportional' && many.manifest.controls.short, short);
    const notDrawn = many.manifest.leftOut.discs.find(({ reason }) => reason === 'control-not-drawn');
    assert.equal(notDrawn?.count, certain.length - many.manifest.counts.regions);
  });

  it('evaluate reads it, and SHA256SUMS holds', async () => {
    const { folder, sumsSha256 } = await run({ withAnswers: true });
    const { regions, indeterminate } = parseLabels(
      await readFile(join(folder, 'labels.csv'), 'utf8'),
      folder,
    );
    assert.deepEqual([regions.length, indeterminate, regions[0]?.site], [certain.length, 0, 'north']);
    assert.deepEqual([...new Set(regions.map(({ age }) => age))].sort(), [53, 54]);
    const { exitCode, output } = await runTool('sh', [
      '-c',
      'cd "$1" && sha256sum -c SHA256SUMS',
      'sh',
      folder,
    ]);
    assert.equal(exitCode, 0, output);
    const sums = await readFile(join(folder, 'SHA256SUMS'));
    assert.equal(createHash('sha256').update(sums).digest('hex'), sumsSha256);
    assert.equal(sums.toString().trim().split('\n').length, certain.length + 2);
    const answered = await site.database.knex('inference').select('probability');
    const said = (await table(folder)).map(
      (row) => Object.entries(row).find(([name]) => /^probability \w+@/.test(name))![1],
    );
    assert.equal(said.length, certain.length);
    const known = new Set(answered.map(({ probability }) => Math.fround(probability)));
    for (const text of said) assert.ok(known.has(Math.fround(Number(text))), text);
  });

  it('the training reads it, held to its checksums, and splits it by patient', async function () {
    needsPeer(this, 'python');
    const { folder } = await run();
    const check = () =>
      runTool('/usr/bin/python3', ['-m', 'calcidisc_training.sets.dataset', folder], {
        PYTHONPATH: join(projectRoot, 'models/training'),
        PYTHONDONTWRITEBYTECODE: '1',
      });
    const { exitCode, output } = await check();
    assert.equal(exitCode, 0, output);
    assert.match(output, new RegExp(`${certain.length} regions of 3 patients, 3 calcified`));
    assert.match(output, /1 for training, 1 for validation|2 for training, 1 for validation/);
    await writeFile(
      join(folder, 'labels.csv'),
      (await readFile(join(folder, 'labels.csv'), 'utf8')).replace(',calcified', ',0'),
    );
    const changed = await check();
    assert.equal(changed.exitCode, 1);
    assert.match(changed.output, /labels\.csv is not what was exported/);
  });

  it('is on the audit trail before anything appears: who, what, how many', async () => {
    const { folder, sumsSha256 } = await run({ since: '2024-01-01', until: '2024-03-31' });
    const event = await site.database
      .knex('auditEvent')
      .where({ event: 'DATASET_EXPORTED' })
      .orderBy('seq', 'desc')
      .first('*');
    assert.deepEqual([event.actor, event.subjectId], ['user:test', sumsSha256]);
    const { patients, regions, since, folder: place } = event.detail;
    const spring = [0, 3].map((at) => site.patients[at]!.caseId);
    const ofSpring = certain.filter(({ caseId }) => spring.includes(caseId));
    assert.deepEqual([patients, regions, since, place], [2, ofSpring.length, '2024-01-01', folder]);
    assert.ok((await verifyAudit(site.database.knex)).ok);
    const text = await readFile(join(folder, 'dataset.json'), 'utf8');
    assert.ok(!text.includes('2024-01-01') && JSON.parse(text).isDateRange);
  });

  it('a folder that is not empty is left alone; --force replaces an export and nothing else', async () => {
    const { folder } = await run();
    await assert.rejects(run({ outDir: folder }), { code: 'FOLDER_IN_USE' });
    const { manifest } = await run({ outDir: folder, controls: 'proportional', force: true });
    assert.equal((await table(folder)).length, manifest.counts.regions);
    assert.equal(manifest.counts.regions, 6);
    await writeFile(join(folder, 'my-notes.txt'), 'mine');
    await assert.rejects(run({ outDir: folder, force: true }), { code: 'FOLDER_IN_USE' });
    assert.equal(await readFile(join(folder, 'my-notes.txt'), 'utf8'), 'mine');
    const foreign = join(site.dir, 'foreign');
    await mkdir(foreign);
    await writeFile(join(foreign, 'thesis.doc'), 'years of work');
    await assert.rejects(run({ outDir: foreign, force: true }), { code: 'FOLDER_IN_USE' });
    assert.deepEqual(await readdir(foreign), ['thesis.doc']);
  });

  it('a stored region that is not what was recorded, or carries text, stops the export and leaves nothing', async () => {
    const before = await readdir(site.dir);
    const events = async () =>
      Number(
        (await site.database.knex('auditEvent').where({ event: 'DATASET_EXPORTED' }).count('* as n').first())!
          .n,
      );
    const recorded = await events();
    const { id, png, pngSha256 } = await site.database
      .knex('discRegion')
      .where({ caseId: site.patients[0]!.caseId, level: 'L4-L5' })
      .first('*');
    const store = (bytes: Buffer, hash: string) =>
      site.database.knex('discRegion').where({ id }).update({ png: bytes, pngSha256: hash });
    const labelled = withText(png, 'Patient\0ANNA');
    for (const [bytes, hash, code] of [
      [Buffer.concat([png, Buffer.from('x')]), pngSha256, 'REGION_CORRUPT'],
      [labelled, sha256(labelled), 'REGION_INVALID'],
      [
        Buffer.concat([png, Buffer.from('ANNA')]),
        sha256(Buffer.concat([png, Buffer.from('ANNA')])),
        'REGION_INVALID',
      ],
    ] as const) {
      await store(bytes, hash);
      await assert.rejects(run(), { code });
    }
    await store(png, pngSha256);
    const aborted = new AbortController();
    const stopped = exportDataset(
      { ...site, signal: aborted.signal, onProgress: () => aborted.abort() },
      request(),
    );
    await assert.rejects(stopped);
    assert.deepEqual(await readdir(site.dir), before, 'no half export, not even a hidden one');
    assert.equal(await events(), recorded);
  });

  it('a key that others can read, that is none, or that would travel along is refused', async () => {
    const key = join(site.dir, 'open.key');
    await writeFile(key, `${'ab'.repeat(32)}\n`, { mode: 0o644 });
    await assert.rejects(run({ keyFile: key }), { code: 'KEY_INVALID', message: /chmod 600/ });
    const short = join(site.dir, 'short.key');
    await writeFile(short, 'abc', { mode: 0o600 });
    await assert.rejects(run({ keyFile: short }), { code: 'KEY_INVALID', message: /64 hexadecimal digits/ });
    const outDir = join(site.dir, 'with-key');
    await assert.rejects(run({ outDir, keyFile: join(outDir, 'dataset.key') }), { code: 'KEY_INVALID' });
    const { folder } = await run();
    await assert.rejects(run({ outDir: folder, force: true, keyFile: join(folder, 'regions/dataset.key') }), {
      code: 'KEY_INVALID',
    });
    assert.ok((await readdir(folder)).includes('labels.csv'));
  });

  it('who opts out is in no export any more, and on the trail; who changes their mind is in again', async () => {
    const { knex } = site.database;
    assert.ok(await insertOptOut(knex, 'ANNA-4711', 'user:test'));
    assert.ok(!(await insertOptOut(knex, 'ANNA-4711', 'user:test')), 'once is enough');
    const { manifest, folder } = await run();
    assert.deepEqual(manifest.leftOut.cases[0], {
      reason: 'opted-out',
      meaning: 'the patient wants no part in research',
      count: 2,
    });
    const anna = site.patients.slice(0, 2).map(({ caseId }) => caseId);
    assert.equal((await table(folder)).length, certain.filter(({ caseId }) => !anna.includes(caseId)).length);
    assert.ok(await deleteOptOut(knex, 'ANNA-4711', 'user:test'));
    assert.equal((await table((await run()).folder)).length, certain.length);
    await insertOptOut(knex, 'CAROLA-OLD', 'user:test');
    const studyInstanceUid = site.patients[3]!.truth.mr.studyInstanceUid;
    const identity = { studyInstanceUid, patientId: 'CAROLA-OLD', issuerOfPatientId: '', patientName: '' };
    await knex('studyIdentity').insert({ id: randomUUID(), ...identity });
    const { manifest: merged } = await run();
    assert.equal(merged.leftOut.cases[0]?.count, 1, 'who opted out before a merge gave them another id');
    await deleteOptOut(knex, 'CAROLA-OLD', 'user:test');
    const trail = await knex('auditEvent')
      .where({ subjectType: 'patient', subjectId: 'ANNA-4711' })
      .orderBy('seq')
      .select('event', 'actor');
    assert.deepEqual(
      trail.map(({ event }) => event),
      ['RESEARCH_OPTED_OUT', 'RESEARCH_OPT_OUT_ENDED'],
    );
  });

  it('uncertain levels and indeterminate labels stay here, counted', async () => {
    const { knex } = site.database;
    const [anna, , berthold, carola] = site.patients.map(({ caseId }) => caseId);
    await knex('ctMeasurement').where({ label: 'indeterminate' }).update({ label: 'not-calcified' });
    await knex('localisation').where({ caseId: carola, modality: 'MR' }).update({ status: 'uncertain' });
    await knex('localisation').where({ caseId: berthold, modality: 'CT' }).update({ status: 'uncertain' });
    await knex('ctMeasurement').where({ caseId: anna, level: 'L1-L2' }).update({ label: 'indeterminate' });
    await knex('ctMeasurement').where({ caseId: anna, level: 'L2-L3' }).delete();
    const { folder, manifest } = await run();
    assert.deepEqual(
      [...manifest.leftOut.cases, ...manifest.leftOut.discs].map(({ reason, count: n }) => `${n} ${reason}`),
      ['1 no-ct', '1 level-uncertain', '1 ct-level-uncertain', '1 not-measured', '1 label-indeterminate'],
    );
    assert.equal((await table(folder)).length, 8);
    await assert.rejects(run({ since: '2030-01-01' }), { code: 'DATASET_EMPTY' });
  });
});

/** A key that moves everybody by more days than lie between any two of them: no one's new month is another's true one. */
async function keyBeyond(path: string, days: number): Promise<void> {
  for (;;) {
    const { daysEarlier } = pseudonymsOf(await openKey(path));
    if (PATIENTS.every(({ patientId }) => daysEarlier({ patientId, issuerOfPatientId: '' }) > days)) return;
    await rm(path);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A PNG with a tEXt chunk before its end; checksums of chunks are nobody's business here. */
function withText(png: Buffer, text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const chunk = Buffer.concat([length, Buffer.from(`tEXt${text}`, 'latin1'), Buffer.alloc(4)]);
  return Buffer.concat([png.subarray(0, -12), chunk, png.subarray(-12)]);
}
