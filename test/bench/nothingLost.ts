/**
 * npm run check:lossless [-- --instances N --associations N --kills N]: instances over several associations into an
 * agent that is killed (-9) at random while the senders retry; then every acknowledged one is looked for in spool
 * and index and compared byte for byte. The test suite runs the same with fewer.
 */
import { loseNothing } from '../support/nothingLost.js';
import { argumentsOf, wholeNumber } from './arguments.js';

const { values } = argumentsOf(import.meta.url, {
  options: {
    instances: { type: 'string', default: '10000' },
    associations: { type: 'string', default: '16' },
    kills: { type: 'string', default: '5' },
  },
});

const begin = performance.now();
const { missing, different, invented, ...counts } = await loseNothing({
  instances: wholeNumber('instances', values.instances),
  associations: wholeNumber('associations', values.associations),
  kills: wholeNumber('kills', values.kills, 0),
  pixelBytes: 20_000,
  onEvent: (line) => console.log(`${((performance.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${line}`),
});
const lost = { missing: missing.length, different: different.length, invented: invented.length };
console.log(JSON.stringify({ ...counts, ...lost }));
const isClean =
  counts.surplusFiles === 0 && counts.setAside === 0 && Object.values(lost).every((n) => n === 0);
console.log(isClean ? 'nothing is lost, nothing is there twice' : 'NOT as it should be');
process.exit(isClean ? 0 : 1);
