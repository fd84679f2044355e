import type { CtReading } from '../../agent/domain/ctReading.js';
import { asCalcidiscError } from '../../agent/domain/errors.js';
import { isOnePerson } from '../../agent/domain/identity.js';
import { mrCtDoubts, withDoubts } from '../../agent/locate/agree.js';
import type { Locator } from '../../agent/locate/pool.js';
import type { CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import { decidePairing } from '../../agent/pair/window.js';
import { type Choice, choose, showsNoLumbarSpine } from '../../agent/read/choose.js';
import type { Config } from '../../config/schema.js';
import { folderCandidate, foundIn, unreadable } from './candidates.js';
import { type DiscFlag, flagsOf, type Judge } from './flags.js';
import type { FolderSeries } from './folder.js';

/** What the agent would answer to one study of a folder. */
export interface StudyAnswer {
  readonly studyInstanceUid: string;
  /** The Series Instance UID that is read; null when none is, and `why` says why. */
  readonly series: string | null;
  readonly why: string | null;
  readonly status: LocateResult['status'] | null;
  /** What the reader should know of the levels and the picture. */
  readonly reasons: readonly string[];
  readonly candidates: Choice['candidates'];
  /** Series that no rule let in, and CTs. */
  readonly others: readonly {
    readonly seriesInstanceUid: string;
    readonly role: string;
    readonly reason: string;
  }[];
  readonly pairing: unknown;
  readonly discs: readonly DiscFlag[];
}

export interface ReadTools {
  readonly config: Config;
  readonly locator: Locator;
  readonly judge: Judge;
  /** Told how many series have been looked at. */
  onRead?(done: number): void;
}

/** What was found in a series, or why it cannot be read. */
type Reading<R extends LocateResult> = { readonly located: Located<R> } | { readonly failed: string };

type Readings = ReadonlyMap<string, Reading<LocateResult>>;

/** Every study of a folder, by the same decisions as the service takes; nothing is stored and nothing is sent. */
export async function answerStudies(
  series: readonly FolderSeries[],
  tools: ReadTools,
): Promise<readonly StudyAnswer[]> {
  let done = 0;
  const readings = new Map(
    await Promise.all(
      series
        .filter(({ known }) => known.role !== 'ignored')
        .map(async (each) => {
          const reading = await readSeries(each, tools.locator);
          tools.onRead?.(++done);
          return [each.seriesInstanceUid, reading] as const;
        }),
    ),
  );
  const studies = [...new Set(series.map(({ studyInstanceUid }) => studyInstanceUid))];
  return Promise.all(studies.map((study) => answerStudy(study, series, readings, tools)));
}

async function readSeries({ files, known }: FolderSeries, locator: Locator): Promise<Reading<LocateResult>> {
  try {
    return { located: await (known.role === 'ct' ? locator.measureCt(files) : locator.locateMr(files)) };
  } catch (thrown) {
    return { failed: asCalcidiscError(thrown).message };
  }
}

async function answerStudy(
  studyInstanceUid: string,
  all: readonly FolderSeries[],
  readings: Readings,
  tools: ReadTools,
): Promise<StudyAnswer> {
  const own = all.filter((each) => each.studyInstanceUid === studyInstanceUid);
  const readable = own.filter(({ known }) => known.role === 'mr' || known.role === 'check');
  const candidates = readable.map((each) => folderCandidate(each, readingFacts(readings, each)));
  const nothing: StudyAnswer = {
    studyInstanceUid,
    series: null,
    why: null,
    status: null,
    reasons: [],
    candidates: [],
    others: own
      .filter((each) => !readable.includes(each))
      .map(({ seriesInstanceUid, known }) => ({
        seriesInstanceUid,
        role: known.role,
        reason: known.roleReason,
      })),
    pairing: null,
    discs: [],
  };
  const mr = candidates.filter(({ role }) => role === 'mr');
  if (mr.length === 0) return { ...nothing, why: 'no MR series that the rules let in' };
  if (!isOnePerson(own.flatMap(({ identities }) => identities)))
    return { ...nothing, why: 'held: its images name different patients' };
  if (mr.every(({ reading }) => reading.status === 'unreadable'))
    return { ...nothing, why: `it cannot be read: ${mr[0]!.reading.reasons.join('; ')}` };
  if (showsNoLumbarSpine(candidates)) return { ...nothing, why: 'no lumbar spine here' };
  const choice = choose(candidates, tools.config.read);
  const chosen = own.find(({ seriesInstanceUid }) => seriesInstanceUid === choice.chosen.seriesInstanceUid)!;
  return { ...nothing, ...(await answerSeries(chosen, choice, all, readings, tools)) };
}

async function answerSeries(
  chosen: FolderSeries,
  { candidates, agreement }: Choice,
  all: readonly FolderSeries[],
  readings: Readings,
  { config, judge }: ReadTools,
): Promise<Partial<StudyAnswer>> {
  const pairing = pairIn(chosen, all, readings, config.pair.windowDays);
  const ct = pairing.wait ? null : locatedIn<CtResult>(readings, pairing.ctSeriesInstanceUid);
  const found = locatedIn<LocateResult>(readings, chosen.seriesInstanceUid)!;
  const doubts = [...agreement.doubts, ...(ct ? mrCtDoubts(found.result, ct.result) : [])];
  const mr = withDoubts(found, doubts);
  return {
    series: chosen.seriesInstanceUid,
    status: mr.result.status,
    reasons: mr.result.reasons,
    candidates,
    pairing,
    discs: await flagsOf(mr, ct?.result ?? null, judge),
  };
}

function readingFacts(readings: Readings, { seriesInstanceUid }: FolderSeries) {
  const read = readings.get(seriesInstanceUid)!;
  if ('failed' in read) return unreadable(read.failed);
  return foundIn(read.located.result, read.located.pixelSpacingMm);
}

function locatedIn<R extends LocateResult>(readings: Readings, uid: string | null): Located<R> | null {
  const read = uid === null ? undefined : readings.get(uid);
  return read && 'located' in read ? (read.located as Located<R>) : null;
}

/** Every CT of the folder under the MR's patient ID is weighed. */
function pairIn(mr: FolderSeries, all: readonly FolderSeries[], readings: Readings, windowDays: number) {
  const patient = mr.identities[0]!;
  const cts = all.filter(
    ({ known, identities }) => known.role === 'ct' && identities[0]!.patientId === patient.patientId,
  );
  const candidates = cts.map((ct) => ctCandidate(ct, all, readings));
  return decidePairing(
    { ...patient, acquisitionDate: mr.known.acquisitionDate ?? null },
    candidates,
    windowDays,
  );
}

function ctCandidate(ct: FolderSeries, all: readonly FolderSeries[], readings: Readings) {
  const ofStudy = all.filter(({ studyInstanceUid }) => studyInstanceUid === ct.studyInstanceUid);
  const isContradictory = !isOnePerson(ofStudy.flatMap(({ identities }) => identities));
  const read = readings.get(ct.seriesInstanceUid)!;
  return {
    ...ct.identities[0]!,
    seriesInstanceUid: ct.seriesInstanceUid,
    seriesNumber: ct.header.seriesNumber,
    seriesDescription: ct.known.seriesDescription ?? '',
    acquisitionDate: ct.known.acquisitionDate ?? null,
    instanceCount: ct.files.length,
    isContradictory,
    // A folder holds nobody's word about whose it is.
    decided: null,
    receiving: false,
    reading: ctReadingIn(read),
  };
}

function ctReadingIn(read: Reading<LocateResult>): CtReading {
  if ('failed' in read) return { status: 'unreadable', reasons: [read.failed], discs: [], facts: null };
  return (read.located as Located<CtResult>).result;
}
