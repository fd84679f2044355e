import assert from 'node:assert/strict';
import { parseClassifierCard } from '../../models/catalogue/card.js';
import { decide } from '../../worker/answer.js';

function card(changes: object = {}) {
  return parseClassifierCard(
    {
      name: 'net',
      version: '1',
      sha256: '0'.repeat(64),
      kind: 'classifier',
      input: { name: 'image', normalisation: { mean: [0, 0, 0], std: [1, 1, 1] } },
      threshold: 0.7,
      ...changes,
    },
    'the card',
  );
}

const bounded = card({ assessable: { maxDistance: 2.5 }, indeterminateFrom: 0.4 });
const answer = (probability: number, distance: number | null, by = bounded) =>
  decide({ probability: Math.fround(probability), distance }, by).answer;

describe('from a score to one of four answers', () => {
  it('a region unlike what the network learnt from is not read, whatever its score, and says how far it is', () => {
    for (const probability of [0.01, 0.5, 0.99])
      assert.equal(answer(probability, 2.6), 'not-assessable', String(probability));
    assert.match(decide({ probability: 0.99, distance: 2.6 }, bounded).reasons[0]!, /2\.60, at most 2\.50/);
    assert.equal(answer(0.99, 2.5), 'calcified');
  });

  it('a score at the threshold, as the database keeps both, is calcified', () => {
    assert.equal(answer(0.7, 0), 'calcified');
    assert.equal(answer(0.699, 0), 'indeterminate');
    assert.equal(answer(0.4, 0), 'indeterminate');
    assert.equal(answer(0.399, 0), 'not-calcified');
  });

  it('what is stated has no reason against it, what is not has one', () => {
    for (const [probability, distance] of [
      [0.9, 1],
      [0.1, 1],
      [0.5, 1],
      [0.5, 9],
    ] as const) {
      const { answer: said, reasons } = decide({ probability, distance }, bounded);
      assert.equal(reasons.length > 0, said === 'indeterminate' || said === 'not-assessable', said);
    }
  });

  it('a model that shipped without bounds answers as it did: two answers', () => {
    assert.equal(answer(0.69, null, card()), 'not-calcified');
    assert.equal(answer(0.71, null, card()), 'calcified');
    assert.equal(answer(0.71, 99, card()), 'calcified');
  });
});
