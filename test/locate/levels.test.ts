import assert from 'node:assert/strict';
import { confidenceWord, groundOf, statedConfidence } from '../../agent/domain/levelConfidence.js';
import { namedOtherwise } from '../../agent/locate/again.js';
import { curveDegrees } from '../../agent/locate/applicability.js';
import type { DiscCandidate } from '../../agent/locate/candidates.js';
import { nameDiscs } from '../../agent/locate/chain.js';
import { doubtsReadAgain, lumbarDiscs, verdictOf } from '../../agent/locate/doubts.js';
import type { Track } from '../../agent/locate/tracks.js';
import { withTransitional } from '../../agent/locate/transitional.js';

const VERTEBRA = { vertebra: 0.9, sacrum: 0, outside: 0 };
const SACRUM = { vertebra: 0, sacrum: 0.9, outside: 0 };
const sure = (best: number, share = 0.94) =>
  Array.from({ length: 7 }, (_, k) => (k === best ? share : (1 - share) / 6));

function track(down: number, best: number, more: Partial<Track> = {}): Track {
  const levelShares = more.levelShares ?? sure(best);
  return {
    members: [{ slice: 0, levelShares } as unknown as DiscCandidate],
    place: [0, down],
    direction: [1, 0],
    roomBelowMm: 100,
    lengthMm: 36,
    levelShares,
    above: VERTEBRA,
    below: VERTEBRA,
    strength: 300,
    ...more,
  };
}

/** Six discs from L5-S1 up, 34 mm apart, the network sure of each. */
function spine(lowest: Partial<Track> = {}): Track[] {
  return [0, 1, 2, 3, 4, 5].map((k) => track(-34 * k, k, k === 0 ? { below: SACRUM, ...lowest } : {}));
}

describe('levels that are no facts', () => {
  it('takes a picture that ends below S1 for enough where the sacrum is beyond doubt, and for too little else', () => {
    const end = (more: Partial<Track>) => verdictOf(nameDiscs(spine({ roomBelowMm: 24, ...more })));
    assert.deepEqual(end({}), { status: 'located', reasons: [] });
    const ends = ['sacrum not seen: the image ends below the lowest disc'];
    assert.deepEqual(end({ roomBelowMm: 19 }).reasons, ends);
    assert.deepEqual(end({ below: { vertebra: 0.2, sacrum: 0.6, outside: 0.2 } }).reasons, ends);
    assert.deepEqual(end({ levelShares: sure(0, 0.85) }).reasons, ends);
  });

  it('notices that a spine read again is named one level up, and says which disc', () => {
    const discs = lumbarDiscs(nameDiscs(spine()));
    const again = nameDiscs(spine()).map((one) => ({
      ...one,
      rank: one.rank === null ? null : one.rank - 1,
    }));
    assert.equal(namedOtherwise(discs, again), 'L5-S1 is taken for S1-S2');
    assert.equal(
      namedOtherwise(
        discs,
        again.map((one, i) => (i === 0 ? { ...one, rank: null } : { ...one, rank: i })),
      ),
      'L5-S1 is taken for no disc',
    );
    assert.equal(namedOtherwise(discs, nameDiscs(spine())), null);
  });

  it('leaves a disc alone that another reading has missed', () => {
    const discs = lumbarDiscs(nameDiscs(spine()));
    assert.equal(
      namedOtherwise(
        discs,
        nameDiscs(spine()).filter((_, i) => i !== 3),
      ),
      null,
    );
  });

  it('does not doubt a second reading for the picture’s end or for weak evidence, and does for the sacrum', () => {
    assert.deepEqual(doubtsReadAgain(nameDiscs(spine({ roomBelowMm: 24, levelShares: sure(0, 0.85) }))), []);
    const without = nameDiscs(spine({ below: { vertebra: 0.4, sacrum: 0.3, outside: 0.3 } }));
    assert.deepEqual(doubtsReadAgain(without), ['sacrum not seen below the lowest disc']);
  });

  it('gives both namings where a whole disc lies between S1 and S2, and makes the levels uncertain', () => {
    const below = track(34, 6, {
      below: SACRUM,
      above: { vertebra: 0.3, sacrum: 0.6, outside: 0 },
      lengthMm: 27,
      strength: 120,
    });
    const named = nameDiscs([below, ...spine()]);
    assert.deepEqual(
      named.slice(0, 3).map(({ rank }) => rank),
      [-1, 0, 1],
    );
    const { status, reasons } = withTransitional({ status: 'located', reasons: [] }, named);
    assert.equal(status, 'uncertain');
    assert.deepEqual(reasons, [
      "transitional vertebra possible (a whole disc between S1 and S2, O'Driscoll type 3): levels counted from the disc above the sacrum as L5-S1; counted otherwise L5-S1 is L4-L5 and L4-L5 is L3-L4, and so on up",
    ]);
  });

  it('mentions a trace of a disc between S1 and S2 and leaves the levels certain', () => {
    const trace = track(34, 6, { below: SACRUM, above: SACRUM, lengthMm: 16, strength: 20 });
    const found = withTransitional({ status: 'located', reasons: [] }, nameDiscs([trace, ...spine()]));
    assert.deepEqual(found, {
      status: 'located',
      reasons: ["a residual disc between S1 and S2, O'Driscoll type 2"],
    });
  });

  it('says of a lowest disc as short as a sacral one how the spine is counted without it', () => {
    const { status, reasons } = withTransitional(
      { status: 'located', reasons: [] },
      nameDiscs(spine({ lengthMm: 24 })),
    );
    assert.equal(status, 'uncertain');
    assert.match(reasons[0]!, /counted otherwise L4-L5 is L5-S1 and L3-L4 is L4-L5/);
  });

  it('says nothing of a plain spine', () => {
    const verdict = { status: 'located', reasons: [] } as const;
    assert.deepEqual(withTransitional(verdict, nameDiscs(spine())), verdict);
  });

  it('states no more than validation supports, in words that go with it, and never 100%', () => {
    const stated = (isLocated: boolean, isUnusual: boolean) =>
      statedConfidence(0.9999, groundOf(isLocated, isUnusual));
    assert.deepEqual([stated(true, false), stated(true, true), stated(false, false)], [0.96, 0.89, 0.8]);
    assert.deepEqual([0.96, 0.91, 0.89, 0.8, 0.3].map(confidenceWord), [
      'certain',
      'probable',
      'probable',
      'uncertain',
      'uncertain',
    ]);
    assert.equal(statedConfidence(0.9059, 'usual'), 0.9);
    const unseen = groundOf(false, true, ['sacrum not seen: the image ends below the lowest disc']);
    assert.equal(statedConfidence(0.99, unseen), 0.5);
  });

  it('calls a curve scoliosis, and not a spine in which a slip hides the middle of one disc', () => {
    const places = (across: readonly number[], slipped?: number) =>
      across.map((x, i) => [x, 34 * i, i === slipped] as const);
    for (const curve of [places([0, 9, 12, 9, 0]), places([14, 0, 0, 0, 0]), places([0, 9, 12, 9, 0], 2)])
      assert.ok(curveDegrees(curve) > 20, `${curveDegrees(curve)}`);
    for (const at of [0, 1])
      assert.ok(curveDegrees(places(at === 0 ? [14, 0, 0, 0, 0] : [0, 14, 0, 0, 0], at)) < 5);
  });
});
