import { compileRule, type FactsFor } from '../../config/cel.js';
import type { SeriesMatch, StudyMatch } from './matches.js';
import { daysBetween } from './priors.js';
import type { Source } from './source.js';

/** A series that a source has, and what it is asked for. */
export interface PriorCandidate {
  readonly source: Source;
  readonly study: StudyMatch;
  readonly series: SeriesMatch;
  readonly anchorDate: string;
}

export type PriorRule = (candidate: PriorCandidate) => boolean;

const VARIABLES = {
  Source: 'string',
  Modality: 'string',
  StudyDescription: 'string',
  SeriesDescription: 'string',
  BodyPartExamined: 'string',
  NumberOfSeriesRelatedInstances: 'double',
  daysApart: 'double',
} as const;

type Facts = FactsFor<typeof VARIABLES>;

/** What a source may leave empty, and does. */
const SAMPLES: readonly Facts[] = [
  {
    Source: 'pacs',
    Modality: 'CT',
    StudyDescription: 'CT LUMBAR SPINE',
    SeriesDescription: 'bone 1.0',
    BodyPartExamined: 'LSPINE',
    NumberOfSeriesRelatedInstances: 200,
    daysApart: 3,
  },
  {
    Source: 'pacs',
    Modality: '',
    StudyDescription: '',
    SeriesDescription: '',
    BodyPartExamined: '',
    NumberOfSeriesRelatedInstances: -1,
    daysApart: -1,
  },
];

/**
 * Compiles `query.priors.rule`. What the source left empty is '' to it, an unknown number -1. A rule that cannot be
 * worked out for a series is taken for no.
 * @throws ConfigError when it is no CEL expression over these facts, or fails for what sources usually say
 */
export function compilePriorRule(expression: string): PriorRule {
  const rule = compileRule('query.priors.rule', expression, VARIABLES, SAMPLES);
  return (candidate) => {
    const answer = rule(factsOf(candidate));
    return 'holds' in answer && answer.holds;
  };
}

function factsOf({ source, study, series, anchorDate }: PriorCandidate): Facts {
  const date = series.seriesDate ?? study.studyDate;
  return {
    Source: source.name,
    Modality: series.modality,
    StudyDescription: study.studyDescription,
    SeriesDescription: series.seriesDescription,
    BodyPartExamined: series.bodyPartExamined,
    NumberOfSeriesRelatedInstances: series.instances ?? -1,
    daysApart: date === null ? -1 : daysBetween(anchorDate, date),
  };
}
