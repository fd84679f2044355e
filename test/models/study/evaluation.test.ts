import assert from 'node:assert/strict';
import sharp from 'sharp';
import { LEVELS } from '../../../agent/domain/levels.js';
import { describeCohort } from '../../../models/evaluation/cohort.js';
import type { LabelledRegion } from '../../../models/evaluation/dataset.js';
import { evaluate, type ScoredModel } from '../../../models/evaluation/evaluation.js';
import { allFigures } from '../../../models/evaluation/figures.js';
import { toHtmlReport, toMarkdownReport } from '../../../models/study/page.js';
import { allTables } from '../../../models/study/tables.js';

/** 24 patients of five discs; every third patient has a calcified disc or two. */
const regions: LabelledRegion[] = Array.from({ length: 120 }, (_, i) => {
  const patient = Math.floor(i / 5);
  return {
    file: `${i}.png`,
    patient: `p${patient}`,
    site: patient < 16 ? 'here' : 'there',
    level: LEVELS[i % 5]!,
    label: patient % 3 === 0 && (i % 5 === 3 || i % 7 === 0),
    age: 40 + ((patient * 7) % 35),
    sex: patient % 2 ? 'F' : 'M',
    bmi: 20 + ((patient * 5) % 11),
    hu: null,
  };
});
const set = { regions, indeterminate: 3 };

function model(name: string, score: (region: LabelledRegion, i: number) => number): ScoredModel {
  const identity = { name, version: '1', sha256: 'a'.repeat(64), threshold: 0.5, simulated: true };
  return { ...identity, trainingPatients: ['p999'], probabilities: regions.map(score) };
}

const noisy = model('noisy', ({ label }, i) => (label ? 0.35 : 0.15) + 0.4 * ((i * 37) % 101) * 0.01);
const perfect = model('perfect', ({ label }) => (label ? 0.9 : 0.1));
const blind = model('blind', () => 0.5);

describe('an evaluation', () => {
  const evaluation = evaluate(
    set,
    [noisy, perfect, blind],
    [{ name: 'R', answers: new Map([['0.png', true]]) }],
    { rounds: 100 },
  );
  const [first, second, third] = evaluation.models;

  it('judges at the threshold of the card, and says what the best threshold on this set would have given', () => {
    assert.equal(
      first!.atCardThreshold.truePositive,
      regions.filter(({ label }, i) => label && noisy.probabilities[i]! >= 0.5).length,
    );
    const youden = ({ sensitivity, specificity }: NonNullable<typeof first>['atCardThreshold']) =>
      sensitivity!.value + specificity!.value;
    assert.ok(youden(first!.atYouden!.performance) >= youden(first!.atCardThreshold));
    assert.ok(first!.auc! > 0.5 && first!.auc! < 1);
    assert.ok(first!.bootstrap!.low < first!.auc! && first!.bootstrap!.high > first!.auc!);
  });

  it('counts every region once, over levels and over sites', () => {
    for (const slices of [first!.perLevel, first!.perSite])
      assert.equal(
        slices.reduce((sum, slice) => sum + slice.regions, 0),
        regions.length,
      );
    assert.deepEqual(
      first!.perLevel.map(({ name }) => name),
      [...LEVELS],
    );
  });

  it('survives a model that is perfect and one that says the same of everything', () => {
    assert.deepEqual([second!.auc, second!.calibration.slope], [1, null]);
    assert.deepEqual([third!.auc, third!.atYouden], [0.5, null]);
    assert.equal(evaluation.comparisons.length, 3);
  });

  it('counts only what a reader has answered', () => {
    assert.equal(evaluation.readers[0]!.answered, 1);
  });

  it('finds patients on whom the model was trained', () => {
    const trained = { ...noisy, trainingPatients: ['p3', 'p999'] };
    assert.deepEqual(evaluate(set, [trained], [], { rounds: 10 }).models[0]!.knownPatients, ['p3']);
    assert.deepEqual(first!.knownPatients, []);
  });

  it('describes the patients once each, and matches them', () => {
    const cohort = describeCohort(regions);
    assert.equal(cohort.patients[0] + cohort.patients[1], 24);
    assert.equal(cohort.regions[0] + cohort.regions[1], 120);
    assert.deepEqual(
      cohort.characteristics.map(({ name }) => name),
      ['age', 'sex', 'bmi', 'level'],
    );
    assert.ok(cohort.matching!.pairs > 0);
    const unknown = describeCohort(regions.map((region) => ({ ...region, age: null, sex: null, bmi: null })));
    assert.deepEqual([unknown.characteristics.map(({ name }) => name), unknown.matching], [['level'], null]);
  });

  it('is written as tables whose rows are as long as their headers, and as drawings that can be drawn', async () => {
    const tables = allTables(evaluation);
    for (const { title, header, rows } of tables)
      for (const row of rows) assert.equal(row.length, header.length, title);
    const figures = allFigures(evaluation);
    assert.deepEqual(
      figures.map(({ name }) => name),
      ['roc', 'calibration', 'confusion-noisy-1', 'confusion-perfect-1', 'confusion-blind-1'],
    );
    for (const { svg } of figures) {
      const { data } = await sharp(Buffer.from(svg)).greyscale().raw().toBuffer({ resolveWithObject: true });
      assert.ok(new Set(data).size > 10, 'there is something on it');
      assert.doesNotMatch(svg, /NaN|undefined/);
    }
    const heading = { title: 'A <b>', facts: [['x', '1 & 2']] as const, warnings: ['SIMULATED'] };
    const html = toHtmlReport(heading, tables, figures);
    assert.match(html, /A &lt;b&gt;[\s\S]*SIMULATED[\s\S]*1 &amp; 2/);
    for (const text of [html, toMarkdownReport(heading, tables, figures)]) {
      assert.doesNotMatch(text, /NaN|undefined/);
      for (const word of ['noisy@1', 'Table 1', 'Table 2', 'optimistic'])
        assert.ok(text.includes(word), word);
    }
  });
});
