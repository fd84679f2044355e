import { LEVELS, type Level } from '../../agent/domain/levels.js';
import { mrCtDoubts } from '../../agent/locate/agree.js';
import type { LocatedDisc } from '../../agent/locate/types.js';
import { type Random, randomFrom } from '../../models/phantom/random.js';
import type { TrueSeries } from './locateTruth.js';

/** Pairs per patient. */
const DRAWS = 40;
/** Of centres found in either scan, each axis; posture, at each disc. */
const NOISE_MM = 1;
const POSTURE_DEGREES = [0, 2, 4];

/** [front to back, upwards] in the sagittal plane, mm; from the top disc down. */
type Row = readonly (readonly [y: number, z: number])[];

/**
 * How often mrCtDoubts doubts a pair whose levels are right, and one whose CT is named one level too low. No public
 * data has a lumbar MR and a CT of one patient: the CT is the MR's own true discs in another posture, with a disc put
 * on top (T12-L1 is not marked), and both have the noise of finding.
 */
export function agreementTable(all: readonly TrueSeries[]): string {
  const spines = all.map(rowOf).filter((row) => row !== null);
  const lines = POSTURE_DEGREES.map((posture) => {
    const random = randomFrom('agreement', posture);
    let [doubted, noticed] = [0, 0];
    for (const spine of spines)
      for (let draw = 0; draw < DRAWS; draw++) {
        const mr = withTop(spine, random);
        const ct = postured(mr, posture, random);
        const doubts = (of: Row) => mrCtDoubts(named(mr.slice(1), random), named(of, random)).length > 0;
        if (doubts(ct.slice(1))) doubted++;
        if (doubts(ct.slice(0, -1))) noticed++;
      }
    const share = (count: number) => (count / (DRAWS * spines.length)).toFixed(3);
    return `| ${posture} | ${spines.length} | ${share(doubted)} | ${share(noticed)} |`;
  });
  const head = '| posture, degrees at each disc | patients | right pairs doubted | shifted pairs doubted |';
  return `${[head, '|---|---|---|---|', ...lines].join('\n')}\n`;
}

/** The medians over the slices of the five lumbar discs' true centres; null where one is not marked. */
function rowOf({ discs }: TrueSeries): Row | null {
  const places = LEVELS.map((level: Level) => {
    const own = [...discs.values()].flat().filter((disc) => disc.level === level);
    const middle = (axis: 1 | 2) =>
      own.map(({ centrePatientMm }) => centrePatientMm[axis]).sort((a, b) => a - b)[own.length >> 1]!;
    return own.length === 0 ? null : ([middle(1), middle(2)] as const);
  });
  return places.every((place) => place !== null) ? places : null;
}

/** With a disc above, nearly as far from L1-L2 as that from L2-L3, and nearly in line. */
function withTop(spine: Row, random: Random): Row {
  const [first, second] = [spine[0]!, spine[1]!];
  const step = turned([first[0] - second[0], first[1] - second[1]], -2 + 4 * random.normal());
  const length = 0.93 + 0.03 * random.normal();
  return [[first[0] + length * step[0], first[1] + length * step[1]], ...spine];
}

/** The same row, bent at every disc by some degrees from the lowest one up. */
function postured(spine: Row, degrees: number, random: Random): Row {
  const row = [spine.at(-1)!];
  let bend = 0;
  for (let i = spine.length - 1; i > 0; i--) {
    bend += degrees * random.normal();
    const step = turned([spine[i - 1]![0] - spine[i]![0], spine[i - 1]![1] - spine[i]![1]], bend);
    const below = row[0]!;
    row.unshift([below[0] + step[0], below[1] + step[1]]);
  }
  return row;
}

function turned([y, z]: readonly [number, number], degrees: number): readonly [number, number] {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [y * c - z * s, y * s + z * c];
}

function named(row: Row, random: Random): { discs: LocatedDisc[] } {
  return {
    discs: row.map(([y, z], i) => ({
      level: LEVELS[i]!,
      centrePatientMm: [0, y + NOISE_MM * random.normal(), z + NOISE_MM * random.normal()],
      centrePixel: [0, 0],
      roiPixel: [0, 0, 1, 1],
      confidence: 1,
    })),
  };
}
