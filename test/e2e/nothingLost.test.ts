import assert from 'node:assert/strict';
import { loseNothing } from '../support/nothingLost.js';

describe('an agent that is killed while senders store', function () {
  this.timeout(300_000);

  it('has every acknowledged instance in spool and index, byte for byte, none twice, none half', async () => {
    const found = await loseNothing({ instances: 600, associations: 16, kills: 2, pixelBytes: 20_000 });
    assert.ok(found.retries > 0, 'the kills broke associations');
    assert.deepEqual(
      { ...found, retries: 0 },
      {
        acknowledged: 600,
        retries: 0,
        missing: [],
        different: [],
        invented: [],
        surplusFiles: 0,
        setAside: 0,
      },
    );
  });
});
