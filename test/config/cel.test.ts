import assert from 'node:assert/strict';
import { compileRule } from '../../config/cel.js';
import { ConfigError } from '../../config/load.js';

const VARIABLES = { Modality: 'string', EchoTime: 'double', ImageType: 'list<string>' } as const;
const MR = { Modality: 'MR', EchoTime: 100, ImageType: ['ORIGINAL', 'PRIMARY', 'M'] };

describe('a rule of the configuration', () => {
  it('says yes or no of facts', () => {
    const rule = compileRule('route.mr', "Modality == 'MR' && EchoTime > 80 && 'M' in ImageType", VARIABLES, [
      MR,
    ]);
    assert.deepEqual(rule(MR), { holds: true });
    assert.deepEqual(rule({ ...MR, EchoTime: -1 }), { holds: false });
  });

  for (const [what, expression, complaint] of [
    ['is no expression', "Modality == 'MR' &&", /route\.mr is no CEL expression/],
    [
      'asks of what is not known',
      'FlipAngle > 80',
      /FlipAngle[\s\S]*may ask of Modality, EchoTime, ImageType/,
    ],
    ['compares words with numbers', 'Modality > 3', /no such overload/],
    ['gives no yes or no', 'Modality', /true or false, and gives a string/],
    [
      'fails for a sample',
      "ImageType[5] == 'M'",
      /cannot be worked out for what is like .*index out of bounds/,
    ],
    ['has a pattern that is none', "Modality.matches('(?i)mr')", /cannot be worked out .*regular expression/],
  ] as const)
    it(`that ${what} is refused when it is read`, () => {
      const compile = () => compileRule('route.mr', expression, VARIABLES, [MR]);
      assert.throws(compile, (error) => error instanceof ConfigError && complaint.test(error.message));
    });

  it('that cannot be worked out later is an answer, not an exception', () => {
    const rule = compileRule('route.mr', "ImageType[2] == 'M'", VARIABLES, [MR]);
    const answer = rule({ ...MR, ImageType: [] });
    assert.ok('failed' in answer && /index out of bounds/.test(answer.failed), JSON.stringify(answer));
  });
});
