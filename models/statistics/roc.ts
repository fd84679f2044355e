/** One per region: what the reference says and what the model answered. */
export interface Scored {
  readonly label: boolean;
  readonly score: number;
}

export interface RocPoint {
  /** Called positive: score >= threshold. Infinity calls nothing positive. */
  readonly threshold: number;
  readonly truePositiveRate: number;
  readonly falsePositiveRate: number;
}

/** From (0, 0) to (1, 1), one point per distinct score; null where one of the classes is missing. */
export function rocCurve(scored: readonly Scored[]): RocPoint[] | null {
  const positives = scored.filter(({ label }) => label).length;
  const negatives = scored.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const points: RocPoint[] = [{ threshold: Infinity, truePositiveRate: 0, falsePositiveRate: 0 }];
  const falling = scored.toSorted((a, b) => b.score - a.score);
  let [hits, alarms] = [0, 0];
  falling.forEach(({ label, score }, i) => {
    if (label) hits++;
    else alarms++;
    if (falling[i + 1]?.score === score) return;
    points.push({
      threshold: score,
      truePositiveRate: hits / positives,
      falsePositiveRate: alarms / negatives,
    });
  });
  return points;
}

/** Area under the curve by trapezoids. */
export function areaUnder(points: readonly RocPoint[]): number {
  return points.slice(1).reduce((area, point, i) => {
    const before = points[i]!;
    const width = point.falsePositiveRate - before.falsePositiveRate;
    return area + (width * (point.truePositiveRate + before.truePositiveRate)) / 2;
  }, 0);
}

/** The point with the largest sensitivity + specificity - 1; of equals the one with the highest threshold. */
export function youdenPoint(points: readonly RocPoint[]): RocPoint {
  const index = ({ truePositiveRate, falsePositiveRate }: RocPoint) => truePositiveRate - falsePositiveRate;
  return points.reduce((best, point) => (index(point) > index(best) ? point : best));
}
