import assert from 'node:assert/strict';
import fc from 'fast-check';
import { percent, percentBeside } from '../../agent/expose/words.js';

describe('words of the pages', () => {
  it('a probability below its threshold never looks as if it had reached it, nor the other way round', () => {
    const share = fc.integer({ min: 0, max: 10_000 }).map((tenThousandths) => tenThousandths / 10_000);
    const number = (text: string) => Number(text.replace(/[^0-9.]/g, ''));
    fc.assert(
      fc.property(share, share, (probability, threshold) => {
        const [said, limit] = percentBeside(probability, threshold).map(number) as [number, number];
        assert.equal(said >= limit, probability >= threshold, `${said} beside ${limit}`);
      }),
      { numRuns: 20_000 },
    );
    assert.deepEqual(percentBeside(0.519, 0.524), ['51.9 %', '52.4 %']);
    assert.deepEqual(percentBeside(0.9996, 0.9995), ['99.96 %', '99.95 %']);
    assert.deepEqual(percentBeside(0.9994, 0.9996), ['99.94 %', '99.96 %']);
    assert.equal(percent(0.9995), '> 99.9 %');
  });
});
