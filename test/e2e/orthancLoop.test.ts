import assert from 'node:assert/strict';
import { runLoop } from '../support/orthancAlone.js';
import { needsPeer } from '../support/peers.js';

const STUDIES = 3;

/** `npm run check:orthanc` does the same with fifty. */
describe('studies of several series through Orthanc’s script alone', function () {
  this.timeout(240_000);
  before(function () {
    needsPeer(this, 'orthanc');
  });

  it('every one is read once and flagged in Orthanc’s metadata, and nothing goes round', async () => {
    const outcome = await runLoop({ studies: STUDIES, atOnce: 3, patienceMs: 180_000, quietMs: 5_000 });
    const { longestFlagSeconds: _, ...counts } = outcome;
    assert.deepEqual(counts, {
      studies: STUDIES,
      series: 3 * STUDIES,
      delivered: STUDIES,
      flagged: STUDIES,
      cameRound: 0,
      twice: 0,
      revised: 0,
      surplus: 0,
      movedLater: 0,
    });
  });
});
