import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CompletenessEvidence, completenessOf } from '../../agent/assemble/completeness.js';
import { isGapless, missingImages, type PlacedImage } from '../../agent/assemble/missing.js';
import { longestPause } from '../../agent/assemble/pace.js';

const POLICY = { quietPeriodMs: 60_000, releaseGraceMs: 250, manyAssociationsGraceMs: 5_000 };
const NOW = 1_000_000;
const released = (endedAtMs: number) => ({ endedHow: 'released', endedAtMs });

function evidence(over: Partial<CompletenessEvidence>): CompletenessEvidence {
  return {
    instanceCount: 5,
    expectedInstances: null,
    associations: [released(NOW - 1000)],
    slicePositionsMm: [0, 4.4, 8.8, 13.2, 17.6],
    missing: null,
    paceMs: 0,
    studiesBefore: 0,
    isMultiFrame: false,
    lastReceivedMs: NOW - 2000,
    ...over,
  };
}
const decide = (over: Partial<CompletenessEvidence>, now = NOW) =>
  completenessOf(evidence(over), POLICY, now);

describe('assemble: when a series is complete', () => {
  it('a released association and a gapless stack: complete after the grace', () => {
    assert.deepEqual(decide({}), { complete: true, reason: 'released-stack' });
    const justReleased = decide({ associations: [released(NOW - 100)] });
    assert.deepEqual(justReleased, { complete: false, lookAgainMs: NOW + 150 });
  });
  it('closed too early: an open association is never complete by its stack', () => {
    const open = { endedHow: null, endedAtMs: null };
    assert.equal(decide({ associations: [open] }).complete, false);
    assert.equal(decide({ associations: [released(NOW - 9000), open] }).complete, false);
  });
  it('closed too early: an aborted or lost association waits for the quiet period', () => {
    for (const endedHow of ['aborted', 'timed-out', 'lost']) {
      const answer = decide({ associations: [{ endedHow, endedAtMs: NOW - 9000 }] });
      assert.deepEqual(answer, { complete: false, lookAgainMs: NOW - 2000 + 60_000 });
    }
  });
  it('closed too early: a sender with one association per image gets the longer grace', () => {
    const many = [released(NOW - 3000), released(NOW - 2000), released(NOW - 1000)];
    assert.deepEqual(decide({ associations: many }), { complete: false, lookAgainMs: NOW + 4000 });
  });
  it('a gap in the stack waits for the quiet period', () => {
    assert.equal(decide({ slicePositionsMm: [0, 4.4, 13.2, 17.6] }).complete, false);
    assert.deepEqual(decide({ slicePositionsMm: [0, 4.4, 13.2, 17.6] }, NOW + 60_000), {
      complete: true,
      reason: 'quiet',
    });
  });
  it('a series that its images have left is not waited for', () => {
    assert.equal(decide({ instanceCount: 0, slicePositionsMm: [], lastReceivedMs: NOW }).complete, true);
  });
  it('a multi-frame object needs no stack', () => {
    assert.deepEqual(decide({ isMultiFrame: true, slicePositionsMm: [null], instanceCount: 1 }), {
      complete: true,
      reason: 'released-stack',
    });
  });
  it("the PACS's count is believed over the stack", () => {
    assert.deepEqual(decide({ expectedInstances: 5 }), { complete: true, reason: 'counted' });
    assert.equal(decide({ expectedInstances: 6 }).complete, false);
    assert.deepEqual(decide({ expectedInstances: 6 }, NOW + 60_000), { complete: true, reason: 'quiet' });
  });
  it('a count that fewer than have come is from before the source had them all: it says nothing', () => {
    assert.deepEqual(decide({ expectedInstances: 4 }), decide({}));
    const open = { associations: [{ endedHow: null, endedAtMs: null }], expectedInstances: 4 };
    assert.equal(decide(open).complete, false);
  });
  it('whatever the evidence, it looks again in the future and ends by the quiet period', () => {
    const association = fc.record({
      endedHow: fc.constantFrom(null, 'released', 'aborted', 'lost'),
      endedAtMs: fc.option(fc.integer({ min: 0, max: NOW })),
    });
    fc.assert(
      fc.property(
        fc.array(association),
        fc.array(fc.option(fc.double({ noNaN: true, min: -500, max: 500 }))),
        fc.option(fc.nat(400)),
        fc.integer({ min: 0, max: NOW }),
        (associations, slicePositionsMm, expectedInstances, lastReceivedMs) => {
          const over = { associations, slicePositionsMm, expectedInstances, lastReceivedMs };
          const answer = decide(over);
          if (!answer.complete) assert.ok(answer.lookAgainMs > NOW, 'looks again later, never spins');
          assert.equal(decide(over, lastReceivedMs + POLICY.quietPeriodMs).complete, true);
        },
      ),
    );
  });
});

describe('assemble: complete by the header too', () => {
  const stack = (
    count: number,
    step: number,
    over: (i: number) => Partial<PlacedImage> = () => ({}),
  ): PlacedImage[] =>
    Array.from({ length: count }, (_, i) => ({
      slicePositionMm: step * i,
      instanceNumber: i + 1,
      extent: {},
      ...over(i),
    }));
  const spaced = (count: number, step: number, spacingMm: number, thicknessMm = 4) =>
    stack(count, step, () => ({ extent: { spacingMm, thicknessMm } }));

  const WHOLE: Readonly<Record<string, PlacedImage[]>> = {
    'a stack that says nothing of itself': stack(15, 4.4),
    'slices as far apart as they say': spaced(15, 4.4, 4.4),
    'overlapping reconstructions': spaced(60, 0.5, 0.5, 1),
    'the gap written for the distance of centres': spaced(15, 4.4, 0.4),
    'numbers in steps, where the spacing is met': spaced(15, 4.4, 4.4).map((each, i) => ({
      ...each,
      instanceNumber: 1 + 4 * i,
    })),
    'numbers that begin anywhere': stack(15, 4.4, (i) => ({ instanceNumber: 200 + i })),
    'numbers by acquisition, far apart': stack(6, 4.4, (i) => ({ instanceNumber: i < 3 ? i : 1000 + i })),
    'no numbers at all': stack(15, 4.4, () => ({ instanceNumber: null })),
    'all images of two acquisitions': stack(10, 4.4, (i) => ({
      extent: { acquisition: i < 5 ? 1 : 2, imagesInAcquisition: 5 },
    })),
    'all temporal positions': [0, 1, 2].flatMap((time) =>
      stack(5, 4.4, (i) => ({
        instanceNumber: 5 * time + i + 1,
        extent: { temporalPositions: 3, temporalPosition: time },
      })),
    ),
    'three places twice, of two acquisitions that overlap': [
      ...stack(20, 1),
      ...stack(3, 1, (i) => ({ slicePositionMm: 9 + i, instanceNumber: 400 + i })),
    ],
    'every part of a concatenation': [1, 2, 3].map((concatenationNumber) => ({
      slicePositionMm: null,
      instanceNumber: concatenationNumber,
      extent: { concatenation: '1.2', concatenationNumber, concatenationTotal: 3 },
    })),
  };
  for (const [what, images] of Object.entries(WHOLE))
    it(`${what}: nothing is missing`, () => assert.equal(missingImages(images), null));

  const MISSING: readonly (readonly [what: string, images: PlacedImage[], words: RegExp])[] = [
    ['one of two packages', spaced(8, 8.8, 4.4), /8\.8 mm apart.*SpacingBetweenSlices is 4\.4/],
    ['one of three packages', spaced(5, 13.2, 4.4), /13\.2 mm apart/],
    ['one of two packages of contiguous slices', spaced(8, 8, 4), /8 mm apart/],
    [
      'one of two packages, with nothing but a thickness',
      stack(8, 8.8, () => ({ extent: { thicknessMm: 4 } })),
      /slices of 4 mm lie 8\.8 mm apart/,
    ],
    [
      'one of two packages, with nothing but numbers',
      stack(8, 8.8, (i) => ({ instanceNumber: 1 + 2 * i })),
      /7 of the instance numbers 1 to 15/,
    ],
    [
      'a number in the middle',
      stack(14, 4.4, (i) => ({ instanceNumber: i < 7 ? i + 1 : i + 2 })),
      /1 of the instance numbers/,
    ],
    [
      'an acquisition that is not all there',
      stack(12, 4.4, () => ({ extent: { acquisition: 1, imagesInAcquisition: 15 } })),
      /12 of 15 images of acquisition 1/,
    ],
    [
      'the first of three temporal positions',
      stack(5, 4.4, () => ({ extent: { temporalPositions: 3, temporalPosition: 1 } })),
      /of 3 temporal positions/,
    ],
    [
      'half of the second echo',
      [...stack(10, 4.4), ...stack(8, 4.4, (i) => ({ instanceNumber: 11 + i }))],
      /2 places have fewer than the usual 2 images/,
    ],
    [
      'two of three parts of a concatenation',
      WHOLE['every part of a concatenation']!.slice(0, 2),
      /2 of 3 parts/,
    ],
    [
      'a part in the middle of a concatenation without a total',
      [1, 3].map((concatenationNumber) => ({
        slicePositionMm: null,
        instanceNumber: null,
        extent: { concatenation: '1.2', concatenationNumber },
      })),
      /2 of 3 parts/,
    ],
  ];
  for (const [what, images, words] of MISSING)
    it(`${what}: not complete by its release, only by silence`, () => {
      const missing = missingImages(images);
      assert.match(missing ?? 'nothing', words);
      assert.equal(decide({ missing }).complete, false);
      assert.deepEqual(decide({ missing }, NOW + 60_000), { complete: true, reason: 'quiet' });
    });

  it('the order in which they come makes no difference', () => {
    const images = [...MISSING.map(([, each]) => each), ...Object.values(WHOLE)];
    fc.assert(
      fc.property(fc.constantFrom(...images), fc.infiniteStream(fc.nat()), (each, keys) => {
        const shuffled = each
          .map((image) => ({ image, key: keys.next().value as number }))
          .toSorted((a, b) => a.key - b.key);
        assert.equal(missingImages(shuffled.map(({ image }) => image)), missingImages(each));
      }),
    );
  });
});

describe("assemble: the sender's own pace", () => {
  const arrivals = (...times: readonly number[]) =>
    times.map((receivedAtMs, i) => ({ associationId: String(i), receivedAtMs }));

  it('an association for each image, one every seven seconds: waits twice as long as it paused', () => {
    const paceMs = longestPause(arrivals(0, 6_500, 13_400), 60_000);
    assert.equal(paceMs, 6_900);
    const many = [released(NOW - 20_000), released(NOW - 13_000), released(NOW - 6_000)];
    assert.deepEqual(decide({ associations: many, paceMs, lastReceivedMs: NOW - 6_000 }), {
      complete: false,
      lookAgainMs: NOW - 6_000 + 13_800,
    });
  });
  it('a pause inside one association is none: it says itself when it is done', () => {
    const one = arrivals(0, 30_000).map((each) => ({ ...each, associationId: 'same' }));
    assert.equal(longestPause(one, 60_000), 0);
  });
  it('images that come again a day later are no pause', () => {
    assert.equal(longestPause(arrivals(0, 3_000, 86_400_000), 60_000), 3_000);
  });
  it('a sender known for two associations is waited for after the first', () => {
    assert.equal(decide({ paceMs: 20_000 }).complete, false);
    assert.equal(decide({ paceMs: 20_000 }, NOW - 1_000 + 40_000).complete, true);
  });
  it('a sender known for sending a series in one go is hardly waited for, unless one image is all there is', () => {
    const known = { studiesBefore: 3, associations: [released(NOW - 60)], lastReceivedMs: NOW - 60 };
    assert.equal(decide(known).complete, true);
    assert.equal(decide({ ...known, studiesBefore: 2 }).complete, false);
    assert.equal(decide({ ...known, paceMs: 100 }).complete, false);
    assert.equal(decide({ ...known, instanceCount: 1, slicePositionsMm: [0] }).complete, false);
    const both = [released(NOW - 60), released(NOW - 90)];
    assert.equal(decide({ ...known, associations: both }).complete, false);
  });
  it('never longer than the quiet period after a release', () => {
    assert.equal(decide({ paceMs: 50_000 }, NOW - 1_000 + 60_000).complete, true);
  });
  it('the quiet period of a sender that is never silent for long is longer', () => {
    const open = { associations: [{ endedHow: 'aborted', endedAtMs: NOW - 9000 }], paceMs: 50_000 };
    assert.deepEqual(decide(open, NOW + 60_000), { complete: false, lookAgainMs: NOW - 2_000 + 100_000 });
  });
});

describe('assemble: a gapless stack', () => {
  const stack = fc.tuple(fc.integer({ min: 3, max: 60 }), fc.double({ min: 0.5, max: 8, noNaN: true }));
  it('in any order, with duplicates and a table that moves a little', () => {
    fc.assert(
      fc.property(
        stack,
        fc.infiniteStream(fc.double({ min: -0.1, max: 0.1, noNaN: true })),
        ([count, step], jitter) => {
          const positions = Array.from(
            { length: count },
            (_, i) => step * (i + (jitter.next().value as number)),
          );
          assert.ok(isGapless(positions.toReversed().concat(positions[1]!)));
        },
      ),
    );
  });
  it('any missing inner slice is a gap', () => {
    fc.assert(
      fc.property(stack, fc.nat(), ([count, step], pick) => {
        const positions = Array.from({ length: count + 2 }, (_, i) => step * i);
        positions.splice(1 + (pick % count), 1);
        assert.ok(!isGapless(positions));
      }),
    );
  });
  it('two slices, or an image without a plane, prove nothing', () => {
    assert.ok(!isGapless([0, 4]));
    assert.ok(!isGapless([0, 4, 8, null]));
  });
});
