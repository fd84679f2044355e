import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseClassifierCard } from '../../models/catalogue/card.js';
import { decideSpine } from '../../worker/answer.js';
import { probabilitiesWithin, type Spoken } from '../../worker/spine.js';

const card = (withinSpine?: object) =>
  parseClassifierCard(
    {
      name: 'net',
      version: '1',
      sha256: '0'.repeat(64),
      kind: 'classifier',
      input: { name: 'image', normalisation: { mean: [0, 0, 0], std: [1, 1, 1] } },
      threshold: 0.7,
      indeterminateFrom: 0.6,
      assessable: { maxDistance: 2 },
      ...(withinSpine && { withinSpine }),
    },
    'the card',
  );
const half = card({ weight: 0.5, scale: 1, shift: 0 });
const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
const logit = (probability: number) => Math.log(probability / (1 - probability));
const said = (...logits: number[]): Spoken[] =>
  logits.map((each) => ({ probability: Math.fround(sigmoid(each)), distance: 1 }));
const within = (discs: readonly Spoken[], by = half) => probabilitiesWithin(discs, by).map(logit);

describe('the discs of a spine held against one another', () => {
  it('what stands out of its spine rises by half of how far, the others hardly move', () => {
    const logits = within(said(-2, -2.2, 1, -1.8, -2));
    assert.ok(Math.abs(logits[2]! - (1 + 0.5 * 3)) < 1e-3, String(logits[2]));
    for (const other of [0, 1, 3, 4]) assert.ok(Math.abs(logits[other]! + 2) < 0.4, String(logits[other]));
  });

  it('a look that raises all of a spine raises none of its discs out of it', () => {
    const logit = fc.double({ min: -4, max: 4, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(logit, { minLength: 3, maxLength: 5 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (logits, by) => {
          const [before, after] = [logits, logits.map((each) => each + by)].map((each) =>
            within(said(...each)),
          );
          for (const [at, each] of after!.entries())
            assert.ok(
              Math.abs(each - before![at]! - by) < 0.05,
              `${each} after ${before![at]}, raised by ${by}`,
            );
        },
      ),
    );
  });

  it('the order of the discs changes nothing', () => {
    const spine = said(0.3, -2, 1.4, -0.5, 3);
    assert.deepEqual(
      probabilitiesWithin([...spine].reverse(), half).reverse(),
      probabilitiesWithin(spine, half),
    );
  });

  it('a disc that cannot be assessed is no neighbour, and with fewer than two a disc stands by itself', () => {
    const far = { probability: 0.999, distance: 9 };
    const [alone] = said(0.5);
    const logits = within([...said(1, -1, -3), far, far]);
    assert.ok(Math.abs(logits[0]! - (1 + 0.5 * 3)) < 1e-3, String(logits[0]));
    for (const few of [[alone!], [alone!, ...said(-3)], [alone!, ...said(-3), far]])
      assert.equal(probabilitiesWithin(few, half)[0], alone!.probability);
  });

  it('a score of 0 or 1 breaks nothing', () => {
    const sure = [0, 1, 0, 1, Math.fround(0.5)].map((probability) => ({ probability, distance: null }));
    for (const each of probabilitiesWithin(sure, half)) assert.ok(each >= 0 && each <= 1, String(each));
  });

  it('the answer goes by it, and what the network gave of the region alone is kept', () => {
    const spine = said(0.4, -3, -3, -3);
    const [held] = decideSpine(spine, half);
    assert.deepEqual([held!.answer, held!.alone], ['calcified', spine[0]!.probability]);
    assert.equal(held!.probability, probabilitiesWithin(spine, half)[0]);
    const [single] = decideSpine(spine, card());
    assert.deepEqual(
      [single!.answer, single!.alone, single!.probability],
      ['not-calcified', null, spine[0]!.probability],
    );
  });
});
