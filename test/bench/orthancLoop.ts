/**
 * npm run check:orthanc [-- --studies N --at-once N]: a modality sends studies of three series to an Orthanc that has
 * config/orthanc/calcidisc.lua and nothing else; each is to be read once, to have its flag in Orthanc's metadata within
 * seconds after its case is delivered, and nothing is to go round. The test suite runs the same with three.
 */
import { runLoop } from '../support/orthancAlone.js';
import { argumentsOf, wholeNumber } from './arguments.js';

const { values } = argumentsOf(import.meta.url, {
  options: {
    studies: { type: 'string', default: '50' },
    'at-once': { type: 'string', default: '4' },
  },
});

const begin = performance.now();
const studies = wholeNumber('studies', values.studies);
const outcome = await runLoop({
  studies,
  atOnce: wholeNumber('at-once', values['at-once']),
  patienceMs: 600_000,
  quietMs: 10_000,
  onEvent: (line) => console.log(`${((performance.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${line}`),
});
console.log(JSON.stringify(outcome));
const { delivered, flagged, cameRound, twice, revised, surplus, movedLater } = outcome;
const isClean =
  delivered === studies &&
  flagged === studies &&
  [cameRound, twice, revised, surplus, movedLater].every((count) => count === 0);
console.log(isClean ? 'every study once, no loop' : 'NOT as it should be');
process.exit(isClean ? 0 : 1);
