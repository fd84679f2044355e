import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findCaseOfStudy } from '../../db/tables/cases.js';
import { findAnswered, insertVerdicts } from '../../db/tables/readerVerdicts.js';
import {
  findLatestReport,
  findReportById,
  findReportByUid,
  type ReportRow,
} from '../../db/tables/reports.js';
import { findResult } from '../../db/tables/results.js';
import { markHeard, nextUnheard, type UnreadObjectRow } from '../../db/tables/unreadObjects.js';
import { type WorkingOff, workOff } from '../../db/work/workOff.js';
import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { inputFrom, type StoredInput } from '../report/stored.js';
import { type Correction, readCorrection } from './correction.js';
import { type DiscVerdict, verdictsOf } from './verdict.js';

export interface HearContext {
  readonly database: Database;
  readonly dataDir: string;
  readonly log: Logger;
}

/** What a reader's measurements come in: viewers write the smaller classes, too. */
const HEARD_CLASSES: readonly string[] = [
  SOP_CLASSES.enhancedSr.uid,
  SOP_CLASSES.comprehensiveSr.uid,
  SOP_CLASSES.comprehensive3dSr.uid,
];
const TICK_MS = 10_000;
const AGAIN_MS = 60_000;

/**
 * Looks at every Structured Report that was put away unread: one by somebody else whose predecessor is a report of
 * ours, or that holds measurements of one, is a reader's word about it. The object stays where it is; a process that
 * ends in between finds it again.
 */
export function startHearing(context: HearContext): WorkingOff {
  const { database, dataDir, log } = context;
  /** Kept by another host, or unreadable for now: not asked for again until then, milliseconds since the epoch. */
  const later = new Map<string, number>();
  const put = (uid: string) => later.set(uid, Date.now() + AGAIN_MS);
  const waiting = () => [...later].filter(([, until]) => until > Date.now()).map(([uid]) => uid);
  const hearing = workOff<UnreadObjectRow>({
    atOnce: 1,
    tickMs: TICK_MS,
    claim: () => nextUnheard(database.knex, HEARD_CLASSES, waiting()),
    work: async (row) => {
      const { sopInstanceUid, callingAe, spoolPath } = row;
      try {
        if (existsSync(join(dataDir, spoolPath))) await hear(context, row);
        else put(sopInstanceUid);
      } catch (error) {
        put(sopInstanceUid);
        log.error(
          { sopInstanceUid, callingAe, err: error },
          'a document could not be looked at: trying again',
        );
      }
    },
    unreadable: (error) =>
      log.error({ err: error }, 'documents that wait to be looked at could not be listed'),
  });
  hearing.begin();
  return hearing;
}

async function hear({ database, dataDir, log }: HearContext, row: UnreadObjectRow): Promise<void> {
  const { sopInstanceUid, callingAe } = row;
  const correction = await readLeniently(join(dataDir, row.spoolPath));
  const heard = correction && (await aboutOurs(database.knex, correction));
  const isNew = await database.knex.transaction(async (trx) => {
    if (!(await markHeard(trx, row))) return false;
    if (heard) await writeDown(trx, row, correction, heard);
    return true;
  });
  if (!heard || !isNew) return;
  const { report, verdicts } = heard;
  log.info(
    { caseId: report.caseId, revision: report.revision, sopInstanceUid, callingAe, ...counted(verdicts) },
    'a reader has answered a report',
  );
}

/** What cannot be read says nothing; it is on the list of what was kept unread all the same. */
async function readLeniently(path: string): Promise<Correction | null> {
  const bytes = await readFile(path);
  try {
    return readCorrection(bytes);
  } catch {
    return null;
  }
}

interface Heard {
  readonly report: ReportRow;
  readonly verdicts: readonly DiscVerdict[];
}

/** @returns null for a document that is ours or another program's, or speaks of no report of ours */
async function aboutOurs(tx: Tx, correction: Correction): Promise<Heard | null> {
  if (correction.isOfDevice || (await findReportByUid(tx, correction.sopInstanceUid))) return null;
  for (const uid of correction.predecessors) {
    const report = await reportUnder(tx, uid);
    if (report) return judged(tx, report, correction, true);
  }
  const row = await findCaseOfStudy(tx, correction.studyInstanceUid);
  const report = row && (await findLatestReport(tx, row.id, row.revision));
  const heard = report && (await judged(tx, report, correction, false));
  return heard && heard.verdicts.length > 0 ? heard : null;
}

/** A report of ours, or the one that a reader's earlier document speaks of. */
async function reportUnder(tx: Tx, sopInstanceUid: string): Promise<ReportRow | null> {
  const report = await findReportByUid(tx, sopInstanceUid);
  if (report) return report;
  const answered = await findAnswered(tx, sopInstanceUid);
  return answered === null ? null : findReportById(tx, answered);
}

async function judged(
  tx: Tx,
  report: ReportRow,
  correction: Correction,
  replaces: boolean,
): Promise<Heard | null> {
  const result = await findResult(tx, report.id);
  if (!result) return null;
  return { report, verdicts: verdictsOf(inputFrom(result.input as StoredInput), correction, replaces) };
}

async function writeDown(
  trx: Tx,
  { sopInstanceUid, datasetSha256, callingAe, receivedAt }: UnreadObjectRow,
  { reader }: Correction,
  { report: { id: reportId, caseId, revision }, verdicts }: Heard,
): Promise<void> {
  const about = { caseId, reportId, sopInstanceUid, datasetSha256, reader, callingAe, receivedAt };
  await insertVerdicts(
    trx,
    verdicts.map((each) => ({ ...each, ...about })),
  );
  await appendAudit(trx, {
    event: 'READER_VERDICT',
    subjectType: 'case',
    subjectId: caseId,
    actor: reader ? `reader:${reader}` : `ae:${callingAe}`,
    detail: { revision, sopInstanceUid, callingAe, ...counted(verdicts) },
  });
}

/** How many of each verdict, and how many levels and boxes were changed. */
function counted(verdicts: readonly DiscVerdict[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  for (const { verdict, level, box } of verdicts) {
    count(verdict);
    if (verdict !== 'added' && level) count('levelsChanged');
    if (verdict !== 'added' && box) count('boxesMoved');
  }
  return counts;
}
