import assert from 'node:assert/strict';
import fc from 'fast-check';
import { outcomeOf } from '../../agent/deliver/channels/cStore.js';
import { verdictOf } from '../../agent/deliver/verdict.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { parseConfig } from '../../config/load.js';

const policy = parseConfig({}).deliver;
const first = { number: 1, ageMs: 0 };

const refused = new CalcidiscError('DESTINATION_REFUSED', 'no');
const busy = new CalcidiscError('DESTINATION_BUSY', 'later');
const unreachable = { kind: 'failed', answer: null, error: busy } as const;

describe('deliver: what an answer means', () => {
  const rows: [status: string | null, error: CalcidiscError | null, attempt: number, meaning: string][] = [
    ['0000', null, 1, 'stored'],
    ['B000', null, 1, 'stored, warning'],
    ['B006', null, 1, 'stored, warning'],
    ['B007', null, 1, 'stored, warning'],
    ['0111', refused, 2, 'stored, warning'],
    ['0111', refused, 1, 'parked'],
    ['A900', refused, 1, 'parked'],
    ['C000', refused, 1, 'parked'],
    // Neither says that anything was stored, whatever their class makes of them elsewhere.
    ['FF00', null, 1, 'parked'],
    ['FE00', null, 1, 'parked'],
    [null, null, 1, 'parked'],
    ['A700', busy, 1, 'again'],
    ['0110', busy, 5, 'again'],
  ];
  for (const [status, error, number, meaning] of rows) {
    it(`${status ?? 'no status'}, attempt ${number}: ${meaning}`, () => {
      const verdict = verdictOf(outcomeOf({ status, error }), { number, ageMs: 0 }, policy);
      const said =
        verdict.outcome === 'stored'
          ? `stored${verdict.isWarning ? ', warning' : ''}`
          : verdict.delayMs === null
            ? 'parked'
            : 'again';
      assert.equal(said, meaning);
    });
  }

  it('never waits longer than is set, whatever the attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (number) => {
        const verdict = verdictOf(unreachable, { number, ageMs: 0 }, policy);
        assert.ok(verdict.outcome === 'failed' && verdict.delayMs !== null);
        assert.ok(verdict.delayMs >= policy.firstRetryMs / 2 && verdict.delayMs <= policy.maxRetryMs);
      }),
    );
  });

  it('an attempt that we ended ourselves is due at once, and parks nothing however late it is', () => {
    const late = { number: 9, ageMs: policy.giveUpAfterMs + 1 };
    const verdict = verdictOf({ kind: 'interrupted', error: busy }, late, policy);
    assert.ok(verdict.outcome === 'failed' && verdict.delayMs === 0);
  });

  it('gives up when the time is up, and not before', () => {
    const at = (ageMs: number) =>
      verdictOf(unreachable, { ...first, ageMs }, policy) as { delayMs: number | null };
    assert.notEqual(at(policy.giveUpAfterMs - 1).delayMs, null);
    assert.equal(at(policy.giveUpAfterMs).delayMs, null);
  });
});
