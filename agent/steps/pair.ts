import type { Tx } from '../../db/server/knex.js';
import { type CaseRow, lockCase, setCase } from '../../db/tables/cases.js';
import { insertChoice } from '../../db/tables/choices.js';
import { listSendersOfStudy } from '../../db/tables/instances.js';
import { insertPairing } from '../../db/tables/pairings.js';
import { isCtBeingFetched } from '../../db/tables/priorFetches.js';
import { type ReadingFacts, retryReading } from '../../db/tables/readings.js';
import { hasReport } from '../../db/tables/reports.js';
import { findStudyPace } from '../../db/tables/senderPaces.js';
import { listSeries } from '../../db/tables/series.js';
import { lastCtOfPatient } from '../../db/views/pairingCandidates.js';
import { DecidedOtherwise, type StepEnd } from '../../db/work/runStep.js';
import { takeBack } from '../deliver/withdraw.js';
import { CalcidiscError, ERROR_CODES, type ErrorCode } from '../domain/errors.js';
import { pairSeries } from '../pair/pairing.js';
import type { PairingDecision } from '../pair/window.js';
import { type Choice, choose, showsNoLumbarSpine } from '../read/choose.js';
import { askForReadings, type GatheredStudy, gatherStudy } from '../read/gather.js';
import { readyAt } from '../read/ready.js';
import { waitForIdentity } from './identity.js';
import type { AgentStep, StepContext } from './types.js';

/** How long a case waits before it looks again at what is being fetched. */
const AGAIN_MS = 2_000;
const SELDOM_MS = 30_000;

/**
 * What is arriving or being read wakes its case when it ends; to look again is for what went unheard. The longer it
 * takes the more seldom: in a burst there are as many waiting cases as studies, and each would ask every two seconds.
 */
function againMs({ stateSince }: Pick<CaseRow, 'stateSince'>): number {
  return Math.min(SELDOM_MS, Math.max(AGAIN_MS, (Date.now() - stateSince.getTime()) / 2));
}

/** received -> paired: which series of the study is read, and the CT within the window, or why there is none. */
export const pairStep: AgentStep = async (context, row) => {
  const { config, database, reader } = context;
  const { knex } = database;
  const [wait, study] = await Promise.all([
    waitForIdentity(context, row),
    gatherStudy(knex, row.mrStudyInstanceUid, reader),
  ]);
  if (wait) return wait;
  const incomplete = await waitForSeries(context, row, study);
  if (incomplete) return incomplete;
  if (showsNoLumbarSpine(study.candidates)) return closed(context, row);
  const choice = choose(study.candidates, config.read);
  const unready = await waitForStudy(context, row, study, choice);
  if (unready) return unready;
  const { seriesInstanceUid } = choice.chosen;
  const pairing = { reader, windowDays: config.pair.windowDays };
  const { mr, decision, unread } = await pairSeries(knex, seriesInstanceUid, pairing);
  if (await askForReadings(knex, await listSeries(knex, unread), reader)) context.wakeReadings();
  if (decision.wait) return { postponeMs: againMs(row), waitingFor: 'a CT is still arriving or being read' };
  if (await isCtBeingFetched(knex, mr.patientId, config.query.priors.caseWaitMs))
    return { postponeMs: AGAIN_MS, waitingFor: 'a CT is being fetched' };
  const { outcome, ctSeriesInstanceUid, ctAcquisitionDate, intervalDays, candidates } = decision;
  return {
    to: 'paired',
    auditDetail: {
      mrSeriesInstanceUid: seriesInstanceUid,
      ...said(choice),
      outcome,
      ctSeriesInstanceUid,
      intervalDays,
    },
    save: async (trx) => {
      // Under the case's lock, which a series that becomes complete and a CT that has been read take too
      // (reconsider.ts): whichever comes second sees the other, so that nothing falls between decision and writing.
      await lockCase(trx, row.id);
      const studyNow = await gatherStudy(trx, row.mrStudyInstanceUid, reader);
      if (studyNow.waitingFor !== null || !isSameStudy(studyNow, study)) throw new DecidedOtherwise();
      const again = await pairSeries(trx, seriesInstanceUid, pairing);
      if (!isSame(again.decision, decision)) throw new DecidedOtherwise();
      const { id: caseId, revision } = row;
      await setCase(trx, caseId, { mrSeriesInstanceUid: seriesInstanceUid });
      await writeChoice(trx, row, choice);
      await insertPairing(trx, {
        caseId,
        revision,
        ctSeriesInstanceUid,
        ctReadingId: again.ctReadingId,
        mrAcquisitionDate: mr.acquisitionDate,
        ctAcquisitionDate,
        intervalDays,
        outcome,
        candidates,
      });
    },
  };
};

function writeChoice(trx: Tx, { id: caseId, revision }: CaseRow, choice: Choice): Promise<unknown> {
  const { chosen, candidates, agreement } = choice;
  const { seriesInstanceUid, readingId } = chosen;
  return insertChoice(trx, { caseId, revision, seriesInstanceUid, readingId, candidates, agreement });
}

function said({ candidates, agreement }: Choice) {
  return { candidates: candidates.length, agreeing: agreement.agrees.length, doubts: agreement.doubts };
}

/**
 * Every series of the study that may be read is waited for, until it is complete and read.
 * @throws CalcidiscError why none of them can be read, which parks the case
 */
async function waitForSeries(
  { database, reader, wakeReadings }: StepContext,
  row: CaseRow,
  { unasked, waitingFor, candidates, failed }: GatheredStudy,
): Promise<StepEnd | null> {
  if (await askForReadings(database.knex, unasked, reader)) wakeReadings();
  if (waitingFor !== null) return { postponeMs: againMs(row), waitingFor };
  const isAnyReadable = candidates.some(
    ({ role, reading }) => role === 'mr' && reading.status !== 'unreadable',
  );
  if (isAnyReadable) return null;
  // The case came into this state after they had failed: a person sent it back, or something new has come.
  const old = failed.filter(({ endedAt }) => (endedAt?.getTime() ?? 0) < row.stateSince.getTime());
  for (const { id } of old) await retryReading(database.knex, id);
  if (old.length === 0) throw unreadable(failed);
  wakeReadings();
  return { postponeMs: AGAIN_MS, waitingFor: 'what could not be read is tried again' };
}

function unreadable(failed: readonly ReadingFacts[]): CalcidiscError {
  const [first] = failed;
  const code = first?.lastErrorCode ?? '';
  return new CalcidiscError(
    code in ERROR_CODES && ERROR_CODES[code as ErrorCode].permanent
      ? (code as ErrorCode)
      : 'SERIES_UNREADABLE',
    first?.lastError ?? 'no series of the study can be read',
    first ? { seriesInstanceUid: first.seriesInstanceUid } : {},
  );
}

/** What has been answered is answered again only when nothing more comes; a first answer may come earlier. */
async function waitForStudy(
  { config, database, indexedUntilMs, isStudyWhole }: StepContext,
  row: CaseRow,
  study: GatheredStudy,
  { isBeyondDoubt }: Choice,
): Promise<StepEnd | null> {
  const [isAmendment, pace] = await Promise.all([
    hasReport(database.knex, row.id),
    listSendersOfStudy(database.knex, row.mrStudyInstanceUid).then((senders) =>
      findStudyPace(database.knex, senders),
    ),
  ]);
  const lastCtMs = isAmendment ? await lastCtOfPatient(database.knex, row.mrStudyInstanceUid) : 0;
  const lastReceivedMs = Math.max(study.lastReceivedMs, lastCtMs);
  const { atMs } = readyAt({ lastReceivedMs, isBeyondDoubt, isAmendment, pace }, config.assemble);
  const nowMs = indexedUntilMs();
  if (nowMs >= atMs) return null;
  if (await isStudyWhole(row.mrStudyInstanceUid)) return null;
  const again = isAmendment ? ', for what has come since the report' : '';
  return {
    // Sooner where there is a source to ask again.
    postponeMs: Math.min(
      Math.max(1, atMs - nowMs),
      config.query.sources.length > 0 ? config.query.recountMs : Infinity,
    ),
    waitingFor: `quiet until ${new Date(atMs).toISOString().slice(11, 19)} UTC${again}`,
  };
}

/** Nothing to read. What was reported before, when it still looked like a lumbar spine, is taken back. */
function closed({ config }: StepContext, { id, mrStudyInstanceUid }: CaseRow): StepEnd {
  const closedBecause =
    'no lumbar spine here: fewer than three discs or no sacrum below them, and no header names it alone';
  return {
    to: 'closed',
    auditDetail: { mrStudyInstanceUid, reason: closedBecause },
    save: async (trx) => {
      await setCase(trx, id, { closedBecause });
      await takeBack(trx, config, { caseId: id, reason: closedBecause, because: 'safety' });
    },
  };
}

function isSameStudy(a: GatheredStudy, b: GatheredStudy): boolean {
  const readings = ({ candidates }: GatheredStudy) => candidates.map(({ readingId }) => readingId).sort();
  return JSON.stringify(readings(a)) === JSON.stringify(readings(b));
}

function isSame(a: PairingDecision, b: PairingDecision): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
