import { type Destination, eventsOf } from '../../config/destinations.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { findAlarm } from '../../db/tables/alarms.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findCase } from '../../db/tables/cases.js';
import {
  type AlarmNotice,
  type CaseNotice,
  claimNotice,
  type NoticeRow,
  noteParked,
  noticeFailed,
  noticeStored,
  tellSince,
} from '../../db/tables/notices.js';
import { findReportById } from '../../db/tables/reports.js';
import { findRoute } from '../../db/tables/results.js';
import { findStudy } from '../../db/tables/studies.js';
import { type WorkingOff, workOff } from '../../db/work/workOff.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { buildRejectionNote, type RejectionReason } from '../report/rejectionNote.js';
import type { Item, Outcome } from './channel.js';
import { channelOf } from './channels/index.js';
import { type News, newsOfAlarm, newsOfParked } from './news.js';
import { toldOf } from './parcel.js';
import { type DeliveryVerdict, verdictOf } from './verdict.js';
import { objectsAt } from './withdraw.js';

export interface NoticeParts {
  readonly config: Pick<Config, 'deliver' | 'dicom' | 'route'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
}

const TICK_MS = 1_000;
const MOST_AT_ONCE = 8;

/**
 * What is told beside the results: that a case waits for a person, that a result is withdrawn. No case waits for it; the
 * rows of notice are the truth, whichever process lives sends what is due.
 */
export async function openNotices(parts: NoticeParts): Promise<WorkingOff> {
  const { config, database, log } = parts;
  const names = config.route.destinations.map(({ name }) => name);
  const told = config.route.destinations
    .filter((each) => eventsOf(each)?.includes('parked'))
    .map(({ name }) => name);
  await tellSince(database.knex, told);
  return workOff<NoticeRow>({
    atOnce: MOST_AT_ONCE,
    tickMs: TICK_MS,
    async claim(inHand) {
      if (names.length === 0) return null;
      await noteParked(database.knex, told);
      const busy = inHand.map(({ destination }) => destination);
      return claimNotice(database.knex, names, busy);
    },
    work: (row, signal) => tell(parts, row, signal),
    unreadable: (error) => log.warn({ err: error }, 'the notices that are due could not be read'),
  });
}

async function tell(parts: NoticeParts, row: NoticeRow, signal: AbortSignal): Promise<void> {
  const { config, database, log } = parts;
  const destination = config.route.destinations.find(({ name }) => name === row.destination)!;
  const about = {
    caseId: row.caseId,
    notice: row.kind,
    destination: row.destination,
    attempts: row.attempts,
  };
  const { item, outcome } = await sendNotice(parts, row, destination, signal);
  const attempt = { number: row.attempts, ageMs: Date.now() - row.createdAt.getTime() };
  const verdict = verdictOf(outcome, attempt, config.deliver);
  await writeDown(database, row, verdict, item).catch((error) =>
    log.error({ ...about, err: error }, 'a notice could not be written down'),
  );
  if (verdict.outcome === 'stored') return log.info(about, 'told');
  const plan = verdict.delayMs === null ? 'parked for a person' : `again in ${verdict.delayMs} ms`;
  log.warn({ ...about, code: verdict.error.code, reason: verdict.error.message }, `not told, ${plan}`);
}

interface SentNotice {
  readonly item: Item | null;
  readonly outcome: Outcome;
}

async function sendNotice(
  { config, database }: NoticeParts,
  row: NoticeRow,
  destination: Destination,
  signal: AbortSignal,
): Promise<SentNotice> {
  try {
    const item = await itemOf(database, row, destination);
    const [outcome] = await channelOf(destination).send([item], destination, { config, signal });
    return { item, outcome: outcome! };
  } catch (thrown) {
    return { item: null, outcome: { kind: 'failed', answer: null, error: asCalcidiscError(thrown) } };
  }
}

function itemOf(database: NoticeParts['database'], row: NoticeRow, destination: Destination): Promise<Item> {
  if (row.caseId === null) return alarmItem(database, row, destination);
  return row.kind === 'parked'
    ? parkedItem(database, row, destination)
    : withdrawnItem(database, row, destination);
}

async function alarmItem(
  { knex }: NoticeParts['database'],
  { alarmId, kind }: AlarmNotice,
  destination: Destination,
): Promise<Item> {
  return newsItem(newsOfAlarm((await findAlarm(knex, alarmId))!, kind === 'alarm-over'), destination);
}

async function newsItem(news: News, destination: Destination): Promise<Item> {
  const item = await channelOf(destination).composeNews?.(news);
  if (item) return item;
  throw new CalcidiscError('DESTINATION_REFUSED', `${destination.name} carries results alone`);
}

async function parkedItem(
  { knex }: NoticeParts['database'],
  { caseId, revision, occasion: at }: CaseNotice,
  destination: Destination,
): Promise<Item> {
  const row = (await findCase(knex, caseId))!;
  const study = await findStudy(knex, row.mrStudyInstanceUid);
  const news = newsOfParked({
    caseId,
    revision,
    at,
    from: row.parkedFrom ?? row.state,
    errorCode: row.lastErrorCode ?? 'no longer parked',
    studyInstanceUid: row.mrStudyInstanceUid,
    accessionNumber: study?.accessionNumber ?? '',
  });
  return newsItem(news, destination);
}

/** In the words of the channel: HL7 W, FHIR entered-in-error, a rejection note, a sentence. */
async function withdrawnItem(
  { knex }: NoticeParts['database'],
  { caseId, revision, reportId, reason, reasonCode, occasion: at }: CaseNotice,
  destination: Destination,
): Promise<Item> {
  const report = (await findReportById(knex, reportId!))!;
  const words = reason ?? '';
  const told = await toldOf(knex, report, await findRoute(knex, report.id), words);
  if (!told)
    throw new CalcidiscError('REPORT_INVALID', 'an older version made this report and kept the SR alone', {
      sopInstanceUid: report.sopInstanceUid,
    });
  const item = await channelOf(destination).compose?.(told, destination);
  if (item) return item;
  const { studyInstanceUid } = told.input.study;
  const objects = (await objectsAt(knex, caseId, destination.name, revision)).map((each) => ({
    ...each,
    studyInstanceUid,
  }));
  const because = reasonCode as RejectionReason;
  const { file, sopInstanceUid } = buildRejectionNote(told.input, { reason: because, words, at, objects });
  return { form: 'sr', bytes: file, id: sopInstanceUid };
}

async function writeDown(
  { knex }: NoticeParts['database'],
  row: NoticeRow,
  verdict: DeliveryVerdict,
  item: Item | null,
): Promise<void> {
  await knex.transaction(async (trx) => {
    if (verdict.outcome === 'stored') await noticeStored(trx, row, verdict.status, item?.bytes ?? null);
    else await noticeFailed(trx, row, verdict);
    if (verdict.outcome === 'failed' && verdict.delayMs !== null) return;
    const { caseId, revision, kind, destination, attempts } = row;
    await appendAudit(trx, {
      event: verdict.outcome === 'stored' ? 'NOTICE_SENT' : 'NOTICE_REFUSED',
      subjectType: caseId === null ? 'alarm' : 'case',
      subjectId: caseId ?? row.alarmId,
      detail: { revision, kind, destination, attempts, status: verdict.status },
    });
  });
}
