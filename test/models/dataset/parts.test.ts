import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { LEVELS } from '../../../agent/domain/levels.js';
import { drawControls } from '../../../models/dataset/controls.js';
import { newFolder } from '../../../models/dataset/folder.js';
import { readTexts } from '../../../models/dataset/labelText.js';
import { ageText, bmiText, sexText, shiftedDate } from '../../../models/dataset/person.js';
import { openKey, pseudonymsOf } from '../../../models/dataset/pseudonyms.js';
import { tableText } from '../../../models/dataset/table.js';
import { parseCsv } from '../../../models/evaluation/csv.js';

describe('dataset parts', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-dataset-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  describe('controls in the segment proportions of the cases', () => {
    const discs = fc.array(fc.record({ level: fc.constantFrom(...LEVELS), isCalcified: fc.boolean() }), {
      maxLength: 120,
    });
    const keyed = discs.map((all) =>
      all.map((disc, i) => ({ ...disc, key: `C${String(i).padStart(4, '0')}` })),
    );

    it('at each level as many as asked for, or all there are and said so; never twice, never a case', () => {
      fc.assert(
        fc.property(keyed, fc.constantFrom(0.5, 1, 2, 3.5), fc.nat(1000), (all, perCase, seed) => {
          const { drawn, available, short } = drawControls(all, { seed, perCase });
          assert.equal(new Set(drawn).size, drawn.length);
          assert.ok(drawn.every(({ isCalcified }) => !isCalcified));
          for (const level of LEVELS) {
            const cases = all.filter((disc) => disc.isCalcified && disc.level === level).length;
            const controls = all.filter((disc) => !disc.isCalcified && disc.level === level).length;
            const got = drawn.filter((disc) => disc.level === level).length;
            assert.equal(got, Math.min(controls, Math.round(cases * perCase)));
            assert.equal(available[level], controls);
            assert.equal((short[level] ?? 0) + got, Math.round(cases * perCase));
          }
        }),
      );
    });

    it('depends on the seed and the discs, not on their order', () => {
      const all = Array.from({ length: 80 }, (_, i) => ({
        level: LEVELS[i % 5]!,
        isCalcified: i < 10,
        key: `C${i}`,
      }));
      const keys = (list: typeof all, seed: number) =>
        drawControls(list, { seed, perCase: 2 }).drawn.map(({ key }) => key);
      assert.deepEqual(keys(all, 3), keys([...all].reverse(), 3));
      assert.notDeepEqual(keys(all, 3), keys(all, 4));
    });

    it('draws evenly: over many seeds every control comes about as often', () => {
      const all = Array.from({ length: 12 }, (_, i) => ({
        level: 'L4-L5' as const,
        isCalcified: i < 2,
        key: `C${i}`,
      }));
      const counts = new Map<string, number>();
      for (let seed = 0; seed < 2000; seed++)
        for (const { key } of drawControls(all, { seed, perCase: 1 }).drawn)
          counts.set(key, (counts.get(key) ?? 0) + 1);
      assert.equal(counts.size, 10);
      // 400 expected, standard deviation 18.
      for (const [key, times] of counts) assert.ok(Math.abs(times - 400) < 90, `${key}: ${times}`);
    });
  });

  it('what people write beside a box', () => {
    const good = {
      'L4-L5 calcified': ['L4-L5', 'calcified'],
      'L5/S1 not calcified': ['L5-S1', 'not-calcified'],
      'l1_l2 non-calcified-1': ['L1-L2', 'not-calcified'],
      'L2-3 no calcification': ['L2-L3', 'not-calcified'],
      'disc L3 – L4, uncalcified': ['L3-L4', 'not-calcified'],
      L4L5: ['L4-L5', null],
      'L5-S1-1': ['L5-S1', null],
      'L4/5 calcified?': ['L4-L5', 'indeterminate'],
      'ROI_L3-L4_calcification': ['L3-L4', 'calcified'],
    } as const;
    for (const [text, [level, label]] of Object.entries(good))
      assert.deepEqual(readTexts([text]), { level, label }, text);
    assert.deepEqual(
      readTexts(['L4-L5', 'calcified']),
      { level: 'L4-L5', label: 'calcified' },
      'level and label apart',
    );
    const bad = {
      'R-1': /no level/,
      '': /no level/,
      'L5-1': /no lumbar disc/,
      'L3-L5': /no lumbar disc/,
      'L5-L6': /no level/,
      'L4-L5 and L5-S1': /more than one level/,
      'T12-L1 calcified': /no level/,
    };
    for (const [text, problem] of Object.entries(bad)) {
      const read = readTexts([text]);
      assert.match('problem' in read ? read.problem : JSON.stringify(read), problem, text);
    }
    const both = readTexts(['L4-L5 calcified', 'L4-L5 not calcified']);
    assert.match('problem' in both ? both.problem : '', /both calcified and not-calcified/);
  });

  it('age, sex and body-mass index; what is impossible is not said', () => {
    assert.equal(ageText('1970-06-15', '2024-06-14', null), '53');
    assert.equal(ageText('1970-06-15', '2024-06-15', null), '54');
    assert.equal(ageText('1934-01-01', '2024-06-15', null), '90+');
    assert.equal(ageText('1934-12-31', '2024-06-15', null), '89');
    assert.equal(ageText('1925-01-01', '2024-06-15', null), '90+');
    assert.deepEqual(
      [ageText(null, '2024-06-15', '063Y'), ageText(null, null, '099Y'), ageText(null, null, '018M')],
      ['63', '90+', '1'],
    );
    assert.deepEqual(
      [ageText(null, null, null), ageText('2030-01-01', '2024-06-15', '063Y'), ageText(null, null, '63')],
      ['', '', ''],
    );
    assert.deepEqual(
      [bmiText(1.7, 72), bmiText(170, 72), bmiText(1.7, null), bmiText(0, 72)],
      ['24.9', '', '', ''],
    );
    assert.deepEqual(['M', 'f', 'X', ''].map(sexText), ['M', 'F', '', '']);
  });

  it('dates move over leap days and years by whole days, all of a patient alike', () => {
    const key = pseudonymsOf(Buffer.alloc(32, 7));
    assert.equal(shiftedDate('2024-03-01', 1), '2024-02-29');
    const shifts = Array.from({ length: 500 }, (_, i) =>
      key.daysEarlier({ patientId: `P${i}`, issuerOfPatientId: '' }),
    );
    assert.ok(Math.min(...shifts) >= 1 && Math.max(...shifts) <= 3652 && new Set(shifts).size > 400);
    assert.equal(key.daysEarlier({ patientId: 'P1', issuerOfPatientId: '' }), shifts[1]);
  });

  it('pseudonyms: one for each person and issuer, none without the key', () => {
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map(pseudonymsOf);
    const patient = { patientId: '4711', issuerOfPatientId: 'A' };
    assert.equal(one!.patient(patient), one!.patient({ ...patient }));
    assert.notEqual(one!.patient(patient), two!.patient(patient));
    assert.notEqual(one!.patient(patient), one!.patient({ ...patient, issuerOfPatientId: 'B' }));
    assert.notEqual(
      one!.patient({ patientId: '1', issuerOfPatientId: '23' }),
      one!.patient({ patientId: '31', issuerOfPatientId: '2' }),
    );
    assert.notEqual(one!.study('x').slice(1), one!.case('x').slice(1));
    assert.match(one!.patient(patient), /^P[0-9a-f]{16}$/);
  });

  it('the key is made once, for its owner alone, and used again', async () => {
    const path = join(dir, 'keys', 'dataset.key');
    const [a, b] = await Promise.all([openKey(path), openKey(path)]);
    assert.deepEqual(a, b, 'two that start at once agree');
    assert.deepEqual(await openKey(path), a);
    assert.equal(a.length, 32);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.match(await readFile(path, 'utf8'), /^[0-9a-f]{64}\n$/);
  });

  it('a folder that is given up leaves nothing; one that is done is whole', async () => {
    const out = join(dir, 'set');
    const given = await newFolder(out, false);
    await given.write('regions/a.png', 'x');
    await given.discard();
    assert.ok((await readdir(dir)).every((name) => !name.includes('set')));
    const made = await newFolder(out, false);
    await made.write('regions/a.png', 'x');
    await made.finish();
    await made.appear();
    await made.discard();
    assert.deepEqual((await readdir(out, { recursive: true })).sort(), [
      'SHA256SUMS',
      'regions',
      'regions/a.png',
    ]);
    await writeFile(join(dir, 'file'), '');
    await assert.rejects(newFolder(join(dir, 'file'), true), { code: 'FOLDER_IN_USE' });
  });

  it('a table with commas, quotes and line feeds in it reads back', () => {
    const line = { file: 'a.png', site: 'north, "old" wing\nsecond floor', level: 'L4-L5' } as Parameters<
      typeof tableText
    >[0][number];
    const [row] = parseCsv(tableText([line], ['resnet34@1']), 'test');
    assert.deepEqual([row?.values.site, row?.values['probability resnet34@1']], [line.site, '']);
  });
});
