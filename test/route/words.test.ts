import assert from 'node:assert/strict';
import { attributesOf } from '../../agent/route/attributes.js';
import { HELD_OUT } from './heldOutRows.js';
import { WORDS } from './wordRows.js';

describe('route: words of seven languages, as technologists write them', () => {
  for (const [language, rows] of Object.entries({ ...WORDS, 'held out': HELD_OUT }))
    for (const [bodyPart, series, study, region, weighting] of rows)
      it(`${language}: ${JSON.stringify([bodyPart, series, study])} is ${region}, ${weighting}`, () => {
        const header = {
          modality: 'MR',
          seriesDescription: series,
          studyDescription: study,
          protocolName: null,
          bodyPartExamined: bodyPart,
          imageType: ['ORIGINAL', 'PRIMARY', 'M'],
          imageOrientationPatient: [0, 1, 0, 0, 0, -1],
          echoTime: null,
          repetitionTime: null,
          inversionTime: null,
          scanningSequence: ['SE'],
        };
        const said = attributesOf(header, 'MR1');
        assert.deepEqual([said.region, said.weighting], [region, weighting]);
      });
});
