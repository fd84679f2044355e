import type { NewsEvent, Urgency } from '../../config/destinations.js';
import type { AlarmEpisode } from '../../db/tables/alarms.js';
import { derivedUid } from '../dicom/uid.js';
import { conclusion, RESEARCH_STATEMENT, recommendation } from '../report/evaluations.js';
import { type OutcomeFacts, outcomeOf } from './outcome.js';
import type { Told } from './told.js';

/** What is told to people and programs that are no PACS and no RIS: ids, and never whose they are. */
export interface News {
  /** The same for the same news: a receiver knows a repetition by it. */
  readonly id: string;
  readonly event: NewsEvent | 'withdrawn';
  readonly at: string;
  /** null, and no accession number, for what is of no case: an alarm. */
  readonly caseId: string | null;
  readonly revision: number | null;
  readonly studyInstanceUid: string | null;
  readonly accessionNumber: string;
  readonly urgency: Urgency;
  /** In sentences. */
  readonly said: readonly string[];
  /** What came out; null where nothing did. */
  readonly result: OutcomeFacts | null;
}

/** What a result is news of, the weightier first. */
export function eventsIn({
  flagged,
  outcome,
  unstated,
}: {
  readonly flagged: readonly string[];
  readonly outcome: string;
  readonly unstated: readonly string[];
}): NewsEvent[] {
  return [
    ...(flagged.length > 0 ? (['flagged'] as const) : []),
    ...(outcome === 'uncertain' || outcome === 'not-found' || unstated.length > 0
      ? (['uncertain'] as const)
      : []),
  ];
}

/** @param events those that are wanted */
export function newsOfResult({ input, urgency, withdrawn }: Told, events: readonly NewsEvent[]): News {
  const result = outcomeOf(input);
  const first = eventsIn(result).find((each) => events.includes(each)) ?? 'flagged';
  const event = withdrawn === null ? first : 'withdrawn';
  const { caseId, revision, study } = input;
  const next = recommendation(input);
  return {
    id: derivedUid('news', caseId, revision, event),
    event,
    at: input.createdAt.toISOString(),
    caseId,
    revision,
    studyInstanceUid: study.studyInstanceUid,
    accessionNumber: study.accessionNumber,
    urgency,
    said: [
      ...(withdrawn === null ? [] : [`WITHDRAWN: ${withdrawn}`]),
      conclusion(input),
      ...(input.predecessor ? [`It amends the result before (revision ${revision}).`] : []),
      ...(next ? [next.reason] : []),
      RESEARCH_STATEMENT,
    ],
    result,
  };
}

export interface ParkedFacts {
  readonly caseId: string;
  readonly revision: number;
  readonly at: Date;
  readonly from: string;
  readonly errorCode: string;
  readonly studyInstanceUid: string;
  readonly accessionNumber: string;
}

/** The error's words may repeat what a server said: its code goes out, the words stand on the case. */
export function newsOfParked(facts: ParkedFacts): News {
  const { caseId, revision, at, from, errorCode, studyInstanceUid, accessionNumber } = facts;
  return {
    id: derivedUid('news', caseId, revision, 'parked', at.toISOString()),
    event: 'parked',
    at: at.toISOString(),
    caseId,
    revision,
    studyInstanceUid,
    accessionNumber,
    urgency: 'routine',
    said: [
      `A case waits for a person: ${errorCode}, after ${from}.`,
      `calcidisc case ${caseId.slice(0, 8)} says why; --retry goes on.`,
    ],
    result: null,
  };
}

/** Something is wrong with the installation, or no longer. @param alarm its episode: db/tables/alarms.ts */
export function newsOfAlarm({ id, alarm, words, beganAt, endedAt }: AlarmEpisode, isOver: boolean): News {
  const at = (isOver ? (endedAt ?? beganAt) : beganAt).toISOString();
  return {
    id: derivedUid('news', id, isOver ? 'alarm-over' : 'alarm'),
    event: 'alarm',
    at,
    ...{ caseId: null, revision: null, studyInstanceUid: null, accessionNumber: '' },
    urgency: 'routine',
    said: [
      isOver ? `OVER: ${words}` : words,
      `${isOver ? 'It lasted from' : 'Since'} ${beganAt.toISOString()}${isOver ? ` to ${at}` : ''} (${alarm}).`,
    ],
    result: null,
  };
}
