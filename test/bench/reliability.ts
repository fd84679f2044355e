import type { Score } from './locateScore.js';

/** Lower ends of the bins of stated confidence. */
const BINS = [0, 0.5, 0.7, 0.8, 0.85, 0.95] as const;

/**
 * How often levels are right that are stated with some confidence, and the expected calibration error: the mean over
 * all levels of the distance between what is stated in a bin and what is right there (Guo et al., ICML 2017).
 */
export function reliabilityTable(scores: readonly Score[]): string {
  const stated = scores.flatMap((score) => score.stated);
  const bins = BINS.map((from, i) => {
    const to = BINS[i + 1] ?? 1.01;
    const own = stated.filter(({ confidence }) => confidence >= from && confidence < to);
    const mean = own.reduce((sum, { confidence }) => sum + confidence, 0) / own.length;
    const right = own.filter(({ isRight }) => isRight).length / own.length;
    return { from, to: Math.min(1, to), count: own.length, mean, right };
  }).filter(({ count }) => count > 0);
  const error =
    bins.reduce((sum, { count, mean, right }) => sum + count * Math.abs(mean - right), 0) / stated.length;
  const lines = bins.map(
    ({ from, to, count, mean, right }) =>
      `| ${from.toFixed(2)} to ${to.toFixed(2)} | ${count} | ${mean.toFixed(3)} | ${right.toFixed(3)} | ${'#'.repeat(Math.round(40 * right))} |`,
  );
  return [
    '| stated | levels | stated, mean | right | |',
    '|---|---|---|---|---|',
    ...lines,
    '',
    `${stated.length} levels, expected calibration error ${error.toFixed(3)}`,
    '',
  ].join('\n');
}
