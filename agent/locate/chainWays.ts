/** Log-scores of a chain: `i`, `j` index the tracks, `r`, `s` the ranks, both from below. A way to name the tracks: one start, steps upwards, one end; the rest is skipped. */
export interface Scores {
  readonly count: number;
  readonly ranks: number;
  start(i: number, r: number): number;
  emit(i: number, r: number): number;
  step(i: number, r: number, j: number, s: number): number;
  end(i: number): number;
}

/** All ways weighed: posterior[i][r] is the share of those in which track i has rank r. */
export function posteriorsOf(model: Scores): readonly (readonly number[])[] {
  const [forward, backward] = [forwardScores(model), backwardScores(model)];
  const total = logSum(forward.flatMap((own, i) => own.map((score) => score + model.end(i))));
  return forward.map((own, i) => own.map((score, r) => Math.exp(score + backward[i]![r]! - total)));
}

/** The one best way: the rank of each track, null where it is skipped. No rank is given twice. */
export function bestWay(model: Scores): readonly (number | null)[] {
  const best: Best[][] = [];
  for (let j = 0; j < model.count; j++) {
    const own: Best[] = [];
    for (let s = 0; s < model.ranks; s++) own.push(bestTo(model, best, j, s));
    best.push(own);
  }
  const ends = best.flatMap((own, i) =>
    own.map(({ score }, r) => ({ score: score + model.end(i), at: [i, r] as const })),
  );
  const way = new Array<number | null>(model.count).fill(null);
  let at: readonly [number, number] | null = ends.reduce((a, b) => (b.score > a.score ? b : a)).at;
  while (at) {
    way[at[0]] = at[1];
    at = best[at[0]]![at[1]]!.from;
  }
  return way;
}

interface Best {
  readonly score: number;
  readonly from: readonly [number, number] | null;
}

function bestTo(model: Scores, best: readonly (readonly Best[])[], j: number, s: number): Best {
  let score = model.start(j, s);
  let from: readonly [number, number] | null = null;
  for (let i = 0; i < j; i++)
    for (let r = 0; r < s; r++) {
      const over = best[i]![r]!.score + model.step(i, r, j, s);
      if (over > score) [score, from] = [over, [i, r]];
    }
  return { score: score + model.emit(j, s), from };
}

/** The sum over all ways that lead to track i with rank r, its own emission included. */
function forwardScores(model: Scores): number[][] {
  const forward: number[][] = [];
  for (let j = 0; j < model.count; j++) {
    const own: number[] = [];
    for (let s = 0; s < model.ranks; s++) {
      const ways = [model.start(j, s)];
      for (let i = 0; i < j; i++)
        for (let r = 0; r < s; r++) ways.push(forward[i]![r]! + model.step(i, r, j, s));
      own.push(model.emit(j, s) + logSum(ways));
    }
    forward.push(own);
  }
  return forward;
}

/** The sum over all ways that lead on from track i with rank r, its own emission left out. */
function backwardScores(model: Scores): number[][] {
  const backward: number[][] = new Array(model.count);
  for (let i = model.count - 1; i >= 0; i--) {
    const own: number[] = [];
    for (let r = 0; r < model.ranks; r++) {
      const ways = [model.end(i)];
      for (let j = i + 1; j < model.count; j++)
        for (let s = r + 1; s < model.ranks; s++)
          ways.push(model.step(i, r, j, s) + model.emit(j, s) + backward[j]![s]!);
      own.push(logSum(ways));
    }
    backward[i] = own;
  }
  return backward;
}

function logSum(values: readonly number[]): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of values) top = Math.max(top, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - top);
  return top + Math.log(sum);
}
