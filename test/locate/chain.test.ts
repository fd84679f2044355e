import assert from 'node:assert/strict';
import type { DiscCandidate } from '../../agent/locate/candidates.js';
import { nameDiscs } from '../../agent/locate/chain.js';
import { bestWay, posteriorsOf } from '../../agent/locate/chainWays.js';
import { verdictOf } from '../../agent/locate/doubts.js';
import { type Track, tracksOf } from '../../agent/locate/tracks.js';

const VERTEBRA = { vertebra: 0.9, sacrum: 0, outside: 0 };
const SACRUM = { vertebra: 0, sacrum: 0.9, outside: 0 };
const OUTSIDE = { vertebra: 0, sacrum: 0, outside: 0.9 };

/** Level shares that favour one class, or none. */
function shares(best: number | null, sure = 0.7): number[] {
  const rest = (1 - sure) / 6;
  return best === null
    ? [...Array(6).fill(0.16), 0.04]
    : Array.from({ length: 7 }, (_, k) => (k === best ? sure : rest));
}

function track(down: number, levelShares: readonly number[], more: Partial<Track> = {}): Track {
  const member = { slice: 0, levelShares } as unknown as DiscCandidate;
  return {
    members: [member],
    place: [0, down],
    direction: [1, 0],
    roomBelowMm: 100,
    lengthMm: 36,
    levelShares,
    above: VERTEBRA,
    below: VERTEBRA,
    strength: 300,
    ...more,
  };
}

/** Seven discs from L5-S1 up, 34 mm apart, the network agreeing. */
function spine(): Track[] {
  const classes = [0, 1, 2, 3, 4, 5, 5];
  return classes.map((k, i) => track(-34 * i, shares(k), i === 0 ? { below: SACRUM } : {}));
}

/** As many of its discs as the network says something of. */
function spineSaying(said: readonly (readonly number[])[]): Track[] {
  return spine()
    .slice(0, said.length)
    .map((one, i) => ({
      ...one,
      levelShares: said[i]!,
      members: [{ slice: 0, levelShares: said[i]! } as unknown as DiscCandidate],
    }));
}

const ranks = (tracks: readonly Track[]) => nameDiscs(tracks).map(({ rank }) => rank);

describe('chain model', () => {
  it('names a plain spine from the sacrum up', () => {
    const named = nameDiscs(spine());
    assert.deepEqual(named.map(({ rank }) => rank).slice(0, 5), [0, 1, 2, 3, 4]);
    assert.ok(named.slice(0, 5).every(({ confidence }) => confidence > 0.95));
    assert.deepEqual(verdictOf(named), { status: 'located', reasons: [] });
  });

  it('tells S1-S2 from L5-S1, where order alone would be wrong at every level', () => {
    const s1s2 = track(28, shares(6, 0.5), { above: SACRUM, below: SACRUM, strength: 120 });
    assert.deepEqual(ranks([s1s2, ...spine()]).slice(1, 6), [0, 1, 2, 3, 4]);
  });

  it('holds to order where the network mistakes one level for its neighbour', () => {
    const wrong = spine();
    wrong[2] = track(-68, shares(3));
    wrong[3] = track(-102, shares(3, 0.4));
    assert.deepEqual(ranks(wrong).slice(0, 5), [0, 1, 2, 3, 4]);
  });

  it('steps over a disc that was missed, and says so', () => {
    const tracks = spine();
    tracks.splice(2, 1);
    const named = nameDiscs(tracks);
    assert.deepEqual(
      named.slice(0, 4).map(({ rank }) => rank),
      [0, 1, 3, 4],
    );
    const { status, reasons } = verdictOf(named);
    assert.equal(status, 'uncertain');
    assert.ok(reasons.includes('L3-L4 was not found'));
  });

  it('passes over a patch that is no disc', () => {
    const tracks = spine();
    tracks.splice(2, 0, track(-50, shares(null), { strength: 15 }));
    assert.deepEqual(ranks(tracks).slice(0, 6), [0, 1, null, 2, 3, 4]);
  });

  it('does not take the levels for facts when the picture ends above the sacrum', () => {
    const cut = spine()
      .slice(1)
      .map((one, i) => ({
        ...one,
        levelShares: shares(null),
        below: i === 0 ? OUTSIDE : VERTEBRA,
        roomBelowMm: 20,
      }));
    const { status, reasons } = verdictOf(nameDiscs(cut));
    assert.equal(status, 'uncertain');
    assert.ok(
      reasons.some((reason) => reason.startsWith('sacrum not seen')),
      reasons.join(),
    );
  });

  it('does not believe a sacrum of which the picture shows too little', () => {
    const [lowest, ...rest] = spine();
    const { status, reasons } = verdictOf(nameDiscs([{ ...lowest!, roomBelowMm: 29 }, ...rest]));
    assert.deepEqual(
      [status, reasons],
      ['uncertain', ['sacrum not seen: the image ends below the lowest disc']],
    );
  });

  it('doubts a spine with a severe slip', () => {
    const slipped = spine().map((one, i) => ({ ...one, place: [i === 1 ? -12 : 0, -34 * i] as const }));
    assert.ok(verdictOf(nameDiscs(slipped)).reasons.includes('vertebrae out of line: a severe slip'));
  });

  it('doubts a spine whose lowest disc is as short as the rest of one between S1 and S2', () => {
    const [lowest, ...rest] = spine();
    const verdict = (lengthMm: number) => verdictOf(nameDiscs([{ ...lowest!, lengthMm }, ...rest]));
    assert.equal(verdict(29).status, 'located');
    assert.deepEqual(verdict(25), {
      status: 'uncertain',
      reasons: ['the lowest disc is short: it may lie between S1 and S2'],
    });
  });

  it('keeps the lower levels when the top is cut off, and names the missing one', () => {
    const named = nameDiscs(spine().slice(0, 4));
    assert.deepEqual(
      named.map(({ rank }) => rank),
      [0, 1, 2, 3],
    );
    assert.deepEqual(verdictOf(named), { status: 'located', reasons: ['L1-L2 was not found'] });
  });

  it('doubts a spine whose network and order are one level apart', () => {
    // A lumbarised S1 or a sixth lumbar vertebra: the sacrum says one thing, the level head another.
    const shifted = spine().map((one, i) => ({
      ...one,
      levelShares: shares(Math.min(5, i + 1), 0.8),
      members: [{ slice: 0, levelShares: shares(Math.min(5, i + 1), 0.8) } as unknown as DiscCandidate],
    }));
    assert.equal(verdictOf(nameDiscs(shifted)).status, 'uncertain');
  });

  it('doubts a whole disc at S1-S2 that passes for L5-S1: the upper discs look one level lower than named', () => {
    // What a network said of a real spine that it named one level too low, each name with a posterior above 0.99.
    const said = [
      [0.99, 0.01, 0, 0, 0, 0, 0],
      [0.02, 0.97, 0.01, 0, 0, 0, 0],
      [0, 0.27, 0.73, 0, 0, 0, 0],
      [0, 0, 0.74, 0.25, 0.01, 0, 0],
      [0, 0, 0, 0.9, 0.09, 0.01, 0],
      [0, 0, 0, 0.08, 0.89, 0.03, 0],
    ];
    const named = nameDiscs(spineSaying(said));
    assert.ok(named.slice(0, 5).every(({ confidence }) => confidence > 0.95));
    const { status, reasons } = verdictOf(named);
    assert.equal(status, 'uncertain');
    assert.match(reasons.join(), /transitional vertebra/);
  });

  /** A squared S1 with a disc below it, as a network that had seen none of its kind but painted ones saw one. */
  function squared(lengthMm: number): Track[] {
    const said = [
      [0.99, 0, 0, 0, 0, 0, 0.01],
      [0.12, 0.87, 0.01, 0, 0, 0, 0],
      [0, 0.15, 0.85, 0, 0, 0, 0],
      [0, 0, 0.75, 0.25, 0, 0, 0],
      [0, 0, 0, 0.94, 0.05, 0.01, 0],
      [0, 0, 0, 0, 0.99, 0.01, 0],
      [0, 0, 0, 0, 0.03, 0.97, 0],
    ];
    return spineSaying(said).map((one, i) => ({
      ...one,
      below: i === 0 ? SACRUM : i === 1 ? { vertebra: 0.86, sacrum: 0.14, outside: 0 } : VERTEBRA,
      ...(i === 0 ? { lengthMm, strength: 100 } : {}),
    }));
  }

  it('names a short disc below a squared S1 as what it is where the upper discs look so, and doubts it', () => {
    const named = nameDiscs(squared(25));
    assert.deepEqual(
      named.map(({ rank }) => rank),
      [-1, 0, 1, 2, 3, 4, 5],
    );
    const { status, reasons } = verdictOf(named);
    assert.equal(status, 'uncertain');
    assert.match(reasons.join(), /a disc between S1 and S2/);
    assert.deepEqual(
      nameDiscs(squared(36)).map(({ rank }) => rank),
      [0, 1, 2, 3, 4, 5, 6],
      'the same with a disc as long as the others is L5-S1',
    );
  });

  it('holds to L5-S1 for a short lowest disc, as a slip makes it, where the discs look like their levels', () => {
    const [lowest, ...rest] = spine();
    assert.deepEqual(ranks([{ ...lowest!, lengthMm: 21 }, ...rest]), [0, 1, 2, 3, 4, 5, 6]);
  });

  it('gives no name twice, though each disc by itself be likeliest to bear it', () => {
    // Three ways: both are discs 0.3, the first alone 0.25, the second alone 0.45.
    const never = -1e6;
    const model = {
      count: 2,
      ranks: 2,
      start: (i: number, r: number) => (r > 0 ? never : i === 0 ? 0 : Math.log(0.45)),
      emit: () => 0,
      step: (_i: number, _r: number, _j: number, s: number) => (s === 1 ? Math.log(0.3) : never),
      end: (i: number) => (i === 0 ? Math.log(0.25) : 0),
    };
    const rounded = posteriorsOf(model).map((own) => own.map((p) => Math.round(p * 100)));
    assert.deepEqual(rounded, [
      [55, 0],
      [45, 30],
    ]);
    assert.deepEqual(bestWay(model), [null, 0]);
  });

  it('answers not-found without discs', () => {
    assert.deepEqual(verdictOf(nameDiscs([])), {
      status: 'not-found',
      reasons: ['no lumbar disc was found'],
    });
  });
});

describe('tracks', () => {
  const candidate = (slice: number, along: number, down: number, areaMm2 = 300): DiscCandidate => ({
    slice,
    centre: [0, 0],
    centreMm: [slice * 4, along, -down],
    extent: [0, 0, 1, 1],
    areaMm2,
    discShare: 0.9,
    levelShares: shares(0),
    above: VERTEBRA,
    below: SACRUM,
    along: [1, 0],
    lengthMm: 36,
    roomBelowMm: 100,
    canalBehind: 0.9,
    pixels: new Int32Array(0),
  });
  const placeOf = ({ centreMm }: DiscCandidate) => [centreMm[1], -centreMm[2]] as const;
  const weights = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ positionMm: i * 4, weight: i === 2 ? 1 : 0.5 }));

  it('measures a disc where the canal lies behind it, not at its side', () => {
    const slices = [
      [{ ...candidate(0, 0, 0), lengthMm: 20, canalBehind: 0 }],
      [{ ...candidate(1, 0, 0), lengthMm: 36, canalBehind: 0.9 }],
    ];
    const [track] = tracksOf(slices, weights(2), placeOf);
    assert.ok(Math.abs(track!.lengthMm - 36) < 0.1);
  });

  it('follows discs that a scoliosis tilts, without crossing to the neighbour', () => {
    const slices = Array.from({ length: 5 }, (_, i) =>
      [0, 34, 68].map((down) => candidate(i, 0, down + (i - 2) * 6)),
    );
    const tracks = tracksOf(slices, weights(5), placeOf);
    assert.deepEqual(
      tracks.map(({ members }) => members.length),
      [5, 5, 5],
    );
    assert.ok(Math.abs(tracks[0]!.place[1] - 68) < 1);
  });

  it('joins a disc that a slice skips', () => {
    const slices = [[candidate(0, 0, 0)], [], [candidate(2, 1, 2)], [candidate(3, 0, 1)], []];
    assert.equal(tracksOf(slices, weights(5), placeOf).length, 1);
  });

  it('finds nothing in nothing', () => {
    assert.deepEqual(tracksOf([[], []], weights(2), placeOf), []);
  });
});
