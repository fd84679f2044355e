import assert from 'node:assert/strict';
import { hearReport, languageOf } from '../../agent/hear/written/hearReport.js';
import { levelsIn } from '../../agent/hear/written/levels.js';
import { folded } from '../../agent/hear/written/words.js';
import { HELD_OUT, REPORTS, type Said } from './sentences.js';

function saidBy(text: string): Said {
  return Object.fromEntries(
    hearReport(text).discs.flatMap(({ level, heard }) => (heard === 'not-mentioned' ? [] : [[level, heard]])),
  );
}

describe('hear: what a written report says of calcified discs', () => {
  for (const [language, text, said] of [...HELD_OUT, ...REPORTS])
    it(`${language}: ${text.replaceAll('\n', ' | ')}`, () => {
      assert.equal(languageOf(text), language);
      assert.deepEqual(saidBy(text), said);
    });
});

describe('hear: levels as people write them', () => {
  const NAMED: readonly (readonly [string, string])[] = [
    ['L4/5', 'L4-L5'],
    ['L4-L5', 'L4-L5'],
    ['L4–5', 'L4-L5'],
    ['LWK 4/5', 'L4-L5'],
    ['LWK4/LWK5', 'L4-L5'],
    ['L5/S1', 'L5-S1'],
    ['LWK 5/SWK 1', 'L5-S1'],
    ['L5-1', 'L5-S1'],
    ['L4L5', 'L4-L5'],
    ['L3-S1', 'L3-L4 L4-L5 L5-S1'],
    ['L1 bis L3', 'L1-L2 L2-L3'],
    ['L4', ''],
    ['L5/L4', ''],
    ['L4-5 mm', ''],
    ['T12/L1', ''],
    ['S1/S2', ''],
  ];
  for (const [text, levels] of NAMED)
    it(`${text}: ${levels || 'none'}`, () =>
      assert.equal(
        levelsIn(folded(text))
          .flatMap((each) => each.levels)
          .join(' '),
        levels,
      ));

  it('what is said both ways, or asked, is not mentioned, with its sentence kept', () => {
    const both = hearReport('L4-L5: calcified disc. The disc herniation at L4-L5 is not calcified.')
      .discs[3]!;
    assert.equal(both.heard, 'not-mentioned');
    assert.match(both.sentence, /calcified disc\. … The disc/);
    assert.equal(hearReport('Possible calcification of the L5-S1 disc.').discs[4]!.sentence !== '', true);
  });

  it('a language that is not known is said, and nothing is heard', () => {
    const { language, discs } = hearReport('Kalsifisert skiveprolaps L4/L5.');
    assert.equal(language, null);
    assert.ok(discs.every(({ heard }) => heard === 'not-mentioned'));
  });
});
