import { answerOf } from '../../cli/seed/discRows.js';
import type { SeedModel } from '../../cli/seed/rowTypes.js';
import type { SeededStudy } from '../../cli/seed/studies.js';
import { dayAfter } from '../../cli/seed/truth.js';
import type { DriftRow } from '../../db/views/quality.js';
import { groupBy, mean, standardDeviation } from '../../models/statistics/describe.js';

/** What the view qa_drift would say of these studies, without a database: of the figures that scores make. */
export function driftOf(studies: readonly SeededStudy[], firstDay: string, threshold = 0.5): DriftRow[] {
  const model = { threshold } as SeedModel;
  const delivered = studies.filter(({ end }) => end === 'delivered');
  const figures = (study: SeededStudy) => {
    const answers = study.discs.map((disc) => disc.probabilities.map((_, m) => answerOf(disc, m, model)));
    const active = answers.map(([first]) => first!);
    const score = mean(active.map(({ probability }) => probability));
    const shadows = answers.flatMap((each) => each.slice(1).map(({ probability }) => probability));
    return {
      score,
      flagged: Number(active.some(({ answer }) => answer === 'calcified')),
      unstated: mean(study.discs.map(({ isUnstated }) => Number(isUnstated))),
      'uncertain-levels': Number(study.isUncertain),
      divergence: Math.abs(score - mean(shadows)),
      distance: mean(study.discs.map(({ distance }) => distance)),
      confidence: mean(study.discs.map(({ confidence }) => confidence)),
      'with-ct': Number(study.ctAfterDays !== null),
      spacing: study.scanner.spacingMm,
      grey: study.pictures.grey,
      noise: study.pictures.noise!,
      sharpness: study.pictures.sharpness,
    };
  };
  const groups = groupBy(
    delivered,
    ({ day, scanner }) => `${String(day).padStart(4, '0')} ${scanner.station}`,
  );
  return [...groups.values()].flatMap((own) => {
    const { day, scanner } = own[0]!;
    const all = own.map(figures);
    return (Object.keys(all[0]!) as (keyof ReturnType<typeof figures>)[]).map((figure) => {
      const values = all.map((each) => each[figure]);
      return {
        day: dayAfter(firstDay, day),
        site: scanner.site,
        scanner: scanner.station,
        figure,
        studies: values.length,
        mean: mean(values),
        standardDeviation: values.length > 1 ? standardDeviation(values) : 0,
      };
    });
  });
}
