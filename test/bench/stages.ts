import { stageTimes } from '../../db/work/stageTimes.js';

export interface StageMean {
  /** 'reading CT', 'step located', 'state located' */
  readonly stage: string;
  readonly count: number;
  readonly meanSeconds: number;
}

const NAMES: Readonly<Record<string, string>> = {
  calcidisc_reading_seconds: 'reading',
  calcidisc_step_seconds: 'step from',
  calcidisc_state_seconds: 'time in',
  calcidisc_delivery_seconds: 'delivery by',
};

/** What this process has noted of each stage, as /metrics would show it. */
export async function stageMeans(): Promise<StageMean[]> {
  const means: StageMean[] = [];
  for (const { name, values } of await stageTimes.getMetricsAsJSON()) {
    const of = (end: string) =>
      new Map(
        values
          .filter((value) => 'metricName' in value && value.metricName === `${name}_${end}`)
          .map(({ labels, value }) => [Object.values(labels)[0], value]),
      );
    const [sums, counts] = [of('sum'), of('count')];
    for (const [label, sum] of sums) {
      const count = counts.get(label) ?? 0;
      means.push({
        stage: `${NAMES[name]} ${label}`,
        count,
        meanSeconds: Number((sum / Math.max(1, count)).toFixed(3)),
      });
    }
  }
  return means;
}
