import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CompletenessEvidence, completenessOf, isGapless } from '../../agent/assemble/completeness.js';

const POLICY = { quietPeriodMs: 60_000, releaseGraceMs: 250, manyAssociationsGraceMs: 5_000 };
const NOW = 1_000_000;
const released = (endedAtMs: number) => ({ endedHow: 'released', endedAtMs });

function evidence(over: Partial<CompletenessEvidence>): CompletenessEvidence {
  return {
    instanceCount: 5,
    expectedInstances: null,
    associations: [released(NOW - 1000)],
    slicePositionsMm: [0, 4.4, 8.8, 13.2, 17.6],
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
