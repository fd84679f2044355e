import assert from 'node:assert/strict';
import type { AcceptanceCase } from '../../db/views/acceptance.js';
import {
  aucOf,
  durationsOf,
  figuresOf,
  isCompared,
  type JudgedDisc,
} from '../../models/acceptance/figures.js';
import { ageGroup, bmiGroup } from '../../models/acceptance/person.js';
import { duration } from '../../models/acceptance/tables.js';

const CASE = { mrStatus: 'located', ctStatus: 'located' } as AcceptanceCase;

function disc(changes: Partial<JudgedDisc> & { readonly of?: AcceptanceCase } = {}): JudgedDisc {
  return {
    caseId: 'a',
    level: 'L4-L5',
    regionId: 'r',
    answer: 'calcified',
    probability: 0.9,
    threshold: 0.5,
    reasons: [],
    model: 'm@1',
    ctLabel: 'calcified',
    meanHu: 200,
    maxHu: 300,
    of: CASE,
    traits: { scanner: 's', age: 'a', sex: 'f', bmi: 'b' },
    ...changes,
  };
}

describe('acceptance: what is compared with CT', () => {
  const rows: [what: string, changes: Parameters<typeof disc>[0], compared: boolean][] = [
    ['both told, levels certain', {}, true],
    ['levels of the MR in doubt', { of: { ...CASE, mrStatus: 'uncertain' } }, false],
    ['levels of the CT in doubt', { of: { ...CASE, ctStatus: 'uncertain' } }, false],
    ['no CT', { of: { ...CASE, ctStatus: null }, ctLabel: null }, false],
    ['CT indeterminate', { ctLabel: 'indeterminate' }, false],
    ['the model states nothing', { answer: 'indeterminate' }, false],
    ['not assessable', { answer: 'not-assessable' }, false],
    ['not classified', { answer: null, probability: null }, false],
  ];
  for (const [what, changes, compared] of rows)
    it(`${what}: ${compared ? 'yes' : 'no'}`, () => assert.equal(isCompared(disc(changes)), compared));

  it('what states nothing counts neither for nor against, and has a share of its own', () => {
    const figures = figuresOf('all', [
      disc(),
      disc({ answer: 'not-calcified', ctLabel: 'calcified' }),
      disc({ answer: 'indeterminate', ctLabel: 'calcified' }),
      disc({ answer: 'not-calcified', ctLabel: 'not-calcified' }),
    ]);
    const { performance, flagged, unstated, compared } = figures;
    assert.deepEqual([performance.truePositive, performance.falseNegative, compared], [1, 1, 3]);
    assert.deepEqual([flagged!.value, unstated!.value], [1 / 3, 1 / 4]);
  });

  it('the area counts every disc with a score, and there is none with one class', () => {
    const free = (caseId: string, probability: number) =>
      disc({ caseId, probability, answer: 'not-calcified', ctLabel: 'not-calcified' });
    assert.equal(aucOf([disc(), disc({ caseId: 'b' })], 50), null);
    const auc = aucOf([disc(), disc({ caseId: 'b', probability: 0.6 }), free('c', 0.2), free('d', 0.7)], 200);
    assert.equal(auc!.value, 0.75);
    const indeterminate = disc({ caseId: 'e', answer: 'indeterminate', probability: 0.1 });
    assert.ok(aucOf([disc(), free('c', 0.2), indeterminate], 50)!.value < 1);
    const notAssessable = disc({ caseId: 'e', answer: 'not-assessable', probability: 0.1 });
    assert.equal(aucOf([disc(), free('c', 0.2), notAssessable], 50)!.value, 1);
  });

  it('groups of age and body mass index have no gap', () => {
    assert.deepEqual(['', '0', '19', '20', '79', '80', '90+'].map(ageGroup), [
      ...['unknown', '0 to 19', '0 to 19', '20 to 39', '60 to 79', '80 and more', '80 and more'],
    ]);
    assert.deepEqual(['', '18.4', '18.5', '24.9', '25.0', '29.9', '30.0'].map(bmiGroup), [
      ...['unknown', 'below 18.5', '18.5 to 24.9', '18.5 to 24.9', '25 to 29.9', '25 to 29.9', '30 and more'],
    ]);
  });

  it('times read as people say them', () => {
    assert.deepEqual([durationsOf([]), durationsOf([3, 1, 2])?.median], [null, 2]);
    assert.deepEqual([duration(12.34), duration(600), duration(10_800)], ['12.3 s', '10.0 min', '3.0 h']);
  });
});
