import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import type { Characteristic } from '../../../models/evaluation/cohort.js';
import type { LabelledRegion } from '../../../models/evaluation/dataset.js';
import type { ScoredModel } from '../../../models/evaluation/evaluation.js';
import { setFigures } from '../../../models/evaluation/setFigures.js';
import { compareSets, type SetTable } from '../../../models/evaluation/twoSets.js';
import { setTables } from '../../../models/study/setTables.js';
import { toMarkdown } from '../../../models/study/tables.js';

/** statsmodels' and SciPy's answers; test/fixtures/make_two_sets.py wrote them. */
const reference = JSON.parse(readFileSync(join(projectRoot, 'test/fixtures/two_sets.json'), 'utf8'));

const regionsOf = (rows: readonly LabelledRegion[]) =>
  rows.map((row): LabelledRegion => ({ ...row, site: 'a', hu: null }));
const scoredBy = (rows: readonly { score: number }[]): ScoredModel => ({
  name: 'net',
  version: '1',
  sha256: 'a'.repeat(64),
  threshold: 0.5,
  simulated: true,
  trainingPatients: [],
  probabilities: rows.map(({ score }) => score),
});

function near(actual: number | null | undefined, expected: number, what: string): void {
  const distance = Math.abs((actual ?? Number.NaN) - expected);
  assert.ok(distance <= 1e-6 * Math.max(1, Math.abs(expected)), `${what}: ${actual} is not ${expected}`);
}

const [development, external] = [regionsOf(reference.development), regionsOf(reference.external)];
const comparison = compareSets(development, external);
const figures = setFigures(
  { regions: development, models: [scoredBy(reference.development)] },
  { regions: external, models: [scoredBy(reference.external)] },
  comparison,
);

describe('two sets beside each other, against statsmodels and SciPy', () => {
  const line = (table: SetTable, name: Characteristic['name']) =>
    table.characteristics.find((each) => each.name === name)!;
  const holds = (table: SetTable, expected: typeof reference.all) => {
    const [age, sex] = [line(table, 'age'), line(table, 'sex')];
    assert.ok(age.kind === 'measure' && sex.kind === 'counts');
    for (const [set, [mean, sd]] of expected.age.entries()) {
      near(age.groups[set as 0 | 1].mean, mean, 'mean age');
      near(age.groups[set as 0 | 1].sd, sd, 'SD of age');
    }
    near(age.p, expected.ageP, 'P of age');
    near(line(table, 'bmi').p, expected.bmiP, 'P of BMI');
    assert.deepEqual(sex.counts, expected.sex);
    near(sex.p, expected.sexP, 'P of sex');
  };

  it('Table 1 by set, all patients', () => holds(comparison.all, reference.all));

  it('the same patients are paired, and the sets are as alike then as it is said', () => {
    const { matching, matchedFiles } = comparison;
    assert.equal(matching!.considered, reference.considered);
    assert.equal(matching!.pairs, reference.pairs.length);
    matching!.differences.forEach(({ before, after }, i) => {
      near(before, reference.before[i], 'difference before');
      near(after, reference.after[i], 'difference after');
    });
    for (const set of [0, 1] as const) {
      const names = new Set(matchedFiles[set].map((file) => file.split('-')[0]));
      assert.deepEqual([...names].sort(), reference.pairs.map((pair: string[]) => pair[set]).sort());
    }
    holds(comparison.matched!, reference.matched);
  });

  it('the model on both sets, all patients and the matched ones', () => {
    for (const [i, expected] of [reference.figures, reference.matchedFigures].entries()) {
      near(figures[i]!.development!.auc, expected.auc[0], 'AUC of the development set');
      near(figures[i]!.external!.auc, expected.auc[1], 'AUC of the external set');
      near(figures[i]!.p, expected.p, 'P');
    }
  });

  it('which set is smaller changes who is served, not that both are there', () => {
    const turned = compareSets(external, development);
    assert.equal(turned.matching!.pairs, reference.pairs.length);
    assert.deepEqual(turned.matchedFiles, [...comparison.matchedFiles].reverse());
  });

  it('without BMI nothing is matched, and the tables say so', () => {
    const bare = external.map((region) => ({ ...region, bmi: null }));
    const unmatched = compareSets(development, bare);
    assert.deepEqual([unmatched.matching, unmatched.matched], [null, null]);
    const text = setTables(unmatched, []).map(toMarkdown).join('\n');
    assert.match(text, /Table 1 by set\n[\s\S]*Nothing was matched: age, sex and BMI are not recorded/);
  });

  it('patients whose names stand in both sets are counted and said', () => {
    const twice = compareSets(development, [...external, { ...development[0]!, file: 'again.png' }]);
    assert.equal(twice.sharedNames, 1);
    assert.match(setTables(twice, []).map(toMarkdown).join('\n'), /1 name of a patient stands in both sets/);
  });
});
