import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { countStudy, listSendersOfStudy } from '../../db/tables/instances.js';
import { asCalcidiscError } from '../domain/errors.js';
import { withFinder } from './finder.js';
import type { SeriesMatch } from './matches.js';
import { type QueryConfig, type Source, sendsAs } from './source.js';
import { SourceSilence } from './sourceSilence.js';

export interface StudyCountParts {
  readonly config: QueryConfig & Pick<Config, 'assemble'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
}

export interface StudyCounts {
  /** Whether a source has no more of the study than is here, and has said so for long enough to be believed. */
  isWhole(studyInstanceUid: string): Promise<boolean>;
  close(): void;
}

/** What a source said last of a study, and since when the same. */
interface Said {
  readonly answer: string;
  readonly sinceMs: number;
}

/** Studies that nobody asks about any more are forgotten past so many, the longest asked about first. */
const MOST_REMEMBERED = 500;

/**
 * Asks the sources what series a study has and how many images each (C-FIND, series level: the counts of the study
 * level would include our own reports, and what is not sent to us). As with the counts of series: an answer makes
 * "complete" known sooner, no answer changes nothing. What was said is remembered in this process only.
 */
export function openStudyCounts({ config, database, log }: StudyCountParts): StudyCounts {
  const { counts: isOn, sources } = config.query;
  const silence = new SourceSilence(log);
  const stop = new AbortController();
  const said = new Map<string, Said>();

  async function isWhole(studyInstanceUid: string): Promise<boolean> {
    if (!isOn || sources.length === 0) return false;
    const senders = new Set(await listSendersOfStudy(database.knex, studyInstanceUid));
    const sending = sources.filter((source) => sendsAs(source).some((name) => senders.has(name)));
    const asked = (sending.length > 0 ? sending : sources).filter((source) => silence.mayBeAsked(source));
    const answers = await Promise.all(asked.map((source) => ask(source, studyInstanceUid)));
    const known = answers.filter((each) => each !== null && each.length > 0).flatMap((each) => each ?? []);
    const sameForMs = remember(studyInstanceUid, known);
    const here = await countStudy(database.knex, studyInstanceUid);
    return sameForMs >= config.assemble.manyAssociationsGraceMs && isAllHere(known, here);
  }

  async function ask(source: Source, studyInstanceUid: string): Promise<SeriesMatch[] | null> {
    try {
      const options = { source, config, timeoutMs: config.query.timeoutMs, signal: stop.signal };
      const found = await withFinder(options, (finder) => finder.findSeriesOf(studyInstanceUid, {}));
      silence.answered(source);
      return found;
    } catch (thrown) {
      if (!stop.signal.aborted) silence.leaveAlone(source, asCalcidiscError(thrown).message);
      return null;
    }
  }

  /** @returns since how long the answer has been the same, milliseconds */
  function remember(studyInstanceUid: string, found: readonly SeriesMatch[]): number {
    const answer = JSON.stringify(found.map((each) => [each.seriesInstanceUid, each.instances]).sort());
    const before = said.get(studyInstanceUid);
    const sinceMs = before?.answer === answer ? before.sinceMs : Date.now();
    said.delete(studyInstanceUid);
    said.set(studyInstanceUid, { answer, sinceMs });
    if (said.size > MOST_REMEMBERED) said.delete(said.keys().next().value!);
    return Date.now() - sinceMs;
  }

  return { isWhole, close: () => stop.abort() };
}

/** Modalities of the images that a study is read from: what else a PACS keeps in it is not waited for. */
const IMAGES = new Set(['MR', 'CT', '']);

/**
 * Whether every series of images that the source has is here with as many images. A source that does not know the
 * study, or how many images a series has, says nothing.
 */
export function isAllHere(
  there: readonly Pick<SeriesMatch, 'seriesInstanceUid' | 'modality' | 'instances'>[],
  here: ReadonlyMap<string, number>,
): boolean {
  const counted = there.filter(({ modality }) => IMAGES.has(modality));
  return (
    counted.length > 0 &&
    counted.every(
      ({ seriesInstanceUid, instances }) =>
        instances !== null && (here.get(seriesInstanceUid) ?? 0) >= instances,
    )
  );
}
