import { parse } from '@marcbachmann/cel-js';
import { ConfigError } from '../../config/load.js';
import type { SeriesMatch, StudyMatch } from './find.js';
import { daysBetween } from './priors.js';
import type { Source } from './source.js';

export type PriorRule = (candidate: {
  readonly source: Source;
  readonly study: StudyMatch;
  readonly series: SeriesMatch;
  readonly anchorDate: string;
}) => boolean;

/**
 * Compiles `query.priors.rule`. What the source left empty is '' to it, an unknown number -1. A rule that cannot be
 * worked out for a series is taken for no.
 * @throws ConfigError when it is no CEL expression
 */
export function compilePriorRule(expression: string): PriorRule {
  try {
    const evaluate = parse(expression);
    return ({ source, study, series, anchorDate }) => {
      const date = series.seriesDate ?? study.studyDate;
      const facts = {
        Source: source.name,
        Modality: series.modality,
        StudyDescription: study.studyDescription,
        SeriesDescription: series.seriesDescription,
        BodyPartExamined: series.bodyPartExamined,
        NumberOfSeriesRelatedInstances: series.instances ?? -1,
        daysApart: date === null ? -1 : daysBetween(anchorDate, date),
      };
      try {
        return evaluate(facts) === true;
      } catch {
        return false;
      }
    };
  } catch (cause) {
    throw new ConfigError(`query.priors.rule is no CEL expression: ${(cause as Error).message}`, { cause });
  }
}
