import { hostname } from 'node:os';
import type { Tx } from '../server/knex.js';

/** PS3.15 A.5.2: how an event ended. */
export const OUTCOMES = { success: 0, minorFailure: 4, seriousFailure: 8, majorFailure: 12 } as const;

export type Outcome = (typeof OUTCOMES)[keyof typeof OUTCOMES];

/** PS3.15 A.5.2: create, read, update, delete, execute. */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E';

/** What is written to the trail: DCM event id (PS3.16 CID 400), its meaning, the action and the usual outcome. */
export const AUDIT_EVENTS = {
  PROCESS_STARTED: event('110100', 'Application Activity', 'E'),
  PROCESS_STOPPED: event('110100', 'Application Activity', 'E'),
  DATABASE_SEEDED: event('110100', 'Application Activity', 'C'),
  ALARM_BEGAN: event('110100', 'Application Activity', 'E', OUTCOMES.seriousFailure),
  ALARM_OVER: event('110100', 'Application Activity', 'E'),
  QUALITY_ALARM_ACKNOWLEDGED: event('110100', 'Application Activity', 'U'),
  CASE_CREATED: event('110100', 'Application Activity', 'C'),
  CASE_MOVED: event('110100', 'Application Activity', 'U'),
  CASE_REVISED: event('110100', 'Application Activity', 'U'),
  CASE_PARKED: event('110100', 'Application Activity', 'U', OUTCOMES.seriousFailure),
  CASE_UNPARKED: event('110100', 'Application Activity', 'U'),
  CASE_CLOSED: event('110100', 'Application Activity', 'U'),
  CASE_JOINED: event('110100', 'Application Activity', 'U'),
  STEP_FAILED: event('110100', 'Application Activity', 'E', OUTCOMES.minorFailure),
  MODEL_REGISTERED: event('110100', 'Application Activity', 'C'),
  MODEL_ACTIVATED: event('110100', 'Application Activity', 'U'),
  MODEL_SHADOWED: event('110100', 'Application Activity', 'U'),
  MODEL_RETIRED: event('110100', 'Application Activity', 'U'),
  MODEL_BOUNDS_SET: event('110100', 'Application Activity', 'U'),
  CASE_REPLAYED: event('110100', 'Application Activity', 'E'),
  REPORT_BUILT: event('110100', 'Application Activity', 'C'),
  REPORT_FORM_BUILT: event('110100', 'Application Activity', 'C'),
  IMAGES_PURGED: event('110103', 'DICOM Instances Accessed', 'D'),
  REGIONS_PURGED: event('110103', 'DICOM Instances Accessed', 'D'),
  REPORTS_PURGED: event('110103', 'DICOM Instances Accessed', 'D'),
  AUDIT_PURGED: event('110101', 'Audit Log Used', 'D'),
  LEGAL_HOLD_SET: event('110100', 'Application Activity', 'C'),
  LEGAL_HOLD_ENDED: event('110100', 'Application Activity', 'D'),
  SERIES_ASKED_AGAIN: event('110100', 'Application Activity', 'E'),
  REPORT_UNCHANGED: event('110100', 'Application Activity', 'E'),
  AUDIT_EXPORTED: event('110101', 'Audit Log Used', 'R'),
  AUDIT_READ: event('110101', 'Audit Log Used', 'R'),
  CASE_VIEWED: event('110103', 'DICOM Instances Accessed', 'R'),
  REPORT_DOWNLOADED: event('110106', 'Export', 'R'),
  REPORT_SENT: event('110104', 'DICOM Instances Transferred', 'R'),
  OBJECTS_STORED: event('110104', 'DICOM Instances Transferred', 'C'),
  PRIOR_FETCHED: event('110104', 'DICOM Instances Transferred', 'C'),
  PRIOR_FAILED: event('110104', 'DICOM Instances Transferred', 'C', OUTCOMES.seriousFailure),
  REPORT_REFUSED: event('110104', 'DICOM Instances Transferred', 'R', OUTCOMES.seriousFailure),
  RESULT_ROUTED: event('110100', 'Application Activity', 'E'),
  FORMS_SENT_AGAIN: event('110100', 'Application Activity', 'U'),
  RESULTS_RELEASED: event('110100', 'Application Activity', 'U'),
  BACKFILL_ASKED: event('110100', 'Application Activity', 'C'),
  BACKFILL_STOPPED: event('110100', 'Application Activity', 'U'),
  BACKFILL_DONE: event('110100', 'Application Activity', 'U'),
  STUDY_FETCHED: event('110104', 'DICOM Instances Transferred', 'C'),
  STUDY_LEFT_OUT: event('110104', 'DICOM Instances Transferred', 'C', OUTCOMES.minorFailure),
  RESULT_WITHDRAWN: event('110100', 'Application Activity', 'U'),
  NOTICE_SENT: event('110106', 'Export', 'R'),
  NOTICE_REFUSED: event('110106', 'Export', 'R', OUTCOMES.seriousFailure),
  COMMITMENT_REQUESTED: event('110104', 'DICOM Instances Transferred', 'R'),
  COMMITMENT_CONFIRMED: event('110104', 'DICOM Instances Transferred', 'R'),
  COMMITMENT_FAILED: event('110104', 'DICOM Instances Transferred', 'R', OUTCOMES.seriousFailure),
  BACKUP_MADE: event('110106', 'Export', 'R'),
  BACKUP_RESTORED: event('110107', 'Import', 'C'),
  DATASET_EXPORTED: event('110106', 'Export', 'R'),
  READER_VERDICT: event('110107', 'Import', 'C'),
  WRITTEN_REPORT_HEARD: event('110107', 'Import', 'C'),
  WRITTEN_REPORT_CORRECTED: event('110100', 'Application Activity', 'U'),
  READING_STUDY_CREATED: event('110100', 'Application Activity', 'C'),
  READING_STUDY_CLOSED: event('110100', 'Application Activity', 'U'),
  READING_ANSWERED: event('110100', 'Application Activity', 'C'),
  READER_JUDGED: event('110100', 'Application Activity', 'C'),
  LAUNCH_MADE: event('110113', 'Security Alert', 'C'),
  VIEW_SAVED: event('110100', 'Application Activity', 'C'),
  VIEW_DELETED: event('110100', 'Application Activity', 'D'),
  READER_REGIONS_IMPORTED: event('110107', 'Import', 'C'),
  RESEARCH_OPTED_OUT: event('110100', 'Application Activity', 'C'),
  RESEARCH_OPT_OUT_ENDED: event('110100', 'Application Activity', 'D'),
  SERIES_RECEIVED: event('110107', 'Import', 'C'),
  SERIES_REOPENED: event('110107', 'Import', 'U'),
  SERIES_READ: event('110100', 'Application Activity', 'E'),
  OBJECT_REFUSED: event('110107', 'Import', 'C', OUTCOMES.seriousFailure),
  IDENTITY_DIFFERS: event('110107', 'Import', 'C', OUTCOMES.seriousFailure),
  IDENTITY_CORRECTED: event('110107', 'Import', 'U'),
  STUDY_CORRECTED: event('110107', 'Import', 'U'),
  STUDY_MOVED: event('110107', 'Import', 'U'),
  UNREAD_KEPT: event('110107', 'Import', 'C'),
  UNREAD_DROPPED: event('110107', 'Import', 'D'),
  CONTEXT_REFUSED: event('110107', 'Import', 'C', OUTCOMES.seriousFailure),
  IDENTITY_DECIDED: event('110100', 'Application Activity', 'U'),
  LEVELS_DECIDED: event('110100', 'Application Activity', 'U'),
  CASES_QUERIED: event('110112', 'Query', 'E'),
  PACS_QUERIED: event('110112', 'Query', 'E'),
  ASSOCIATION_REFUSED: event('110113', 'Security Alert', 'E', OUTCOMES.seriousFailure),
  LOGIN: event('110114', 'User Authentication', 'E'),
  LOGIN_FAILED: event('110114', 'User Authentication', 'E', OUTCOMES.minorFailure),
  LOGOUT: event('110114', 'User Authentication', 'E'),
  LOGIN_LOCKED: event('110113', 'Security Alert', 'E', OUTCOMES.seriousFailure),
  ACCESS_DENIED: event('110113', 'Security Alert', 'E', OUTCOMES.minorFailure),
  ACCOUNT_ADDED: event('110113', 'Security Alert', 'C'),
  ACCOUNT_CHANGED: event('110113', 'Security Alert', 'U'),
  LINK_MADE: event('110113', 'Security Alert', 'C'),
  TOKEN_ADDED: event('110113', 'Security Alert', 'C'),
  TOKEN_REVOKED: event('110113', 'Security Alert', 'D'),
} as const;

export type AuditEventName = keyof typeof AUDIT_EVENTS;

/** One thing that happened. Ids and UIDs only: a patient's name never goes on the trail. */
export interface AuditEvent {
  readonly event: AuditEventName;
  /** 'case', 'series', 'model', 'association', 'report' ... */
  readonly subjectType: string;
  readonly subjectId: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** 'process:host/pid' (the default), 'ae:CT1', 'user:anna' */
  readonly actor?: string;
  readonly outcome?: Outcome;
}

export interface AuditRow {
  readonly seq: number;
  readonly at: Date;
  readonly event: AuditEventName;
  readonly eventCode: string;
  readonly eventMeaning: string;
  readonly action: AuditAction;
  readonly outcome: Outcome;
  readonly actor: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Lower-case hexadecimal SHA-256. */
  readonly prevHash: string;
  readonly hash: string;
}

/** A place in the chain: export it elsewhere, and no one can rewrite what came before it unseen. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export type AuditVerdict =
  | {
      readonly ok: true;
      readonly rows: number;
      /** The first row that was looked at: 1, but for an export that begins in the middle, and after a purge. */
      readonly from: number;
      readonly head: AuditHead;
    }
  | { readonly ok: false; readonly seq: number; readonly problem: string };

/**
 * Writes one event in the caller's transaction. Append last: the chain's lock is held until the commit, and a
 * transaction that waits for a row while it holds that lock makes every other appender wait with it.
 */
export function appendAudit(trx: Tx, event: AuditEvent): Promise<void> {
  return appendAudits(trx, [event]);
}

/** As appendAudit, several at once: they stand in the chain in this order. */
export async function appendAudits(trx: Tx, events: readonly AuditEvent[]): Promise<void> {
  if (events.length > 0) await trx('auditEvent').insert(events.map(auditColumns));
}

/** This process, as the trail names it. */
export function processActor(): string {
  return `process:${hostname()}/${process.pid}`;
}

/** What an appender says of an event; place, time and hashes are the chain's. */
export function auditColumns({ event: name, ...given }: AuditEvent) {
  const { code, meaning, action, outcome } = AUDIT_EVENTS[name];
  return {
    event: name,
    eventCode: code,
    eventMeaning: meaning,
    action,
    outcome: given.outcome ?? outcome,
    actor: given.actor ?? processActor(),
    subjectType: given.subjectType,
    subjectId: given.subjectId,
    detail: JSON.stringify(given.detail ?? {}),
  };
}

/** @param expected a head exported earlier: the chain must still go through it */
export function verifyAudit(tx: Tx, expected?: AuditHead): Promise<AuditVerdict> {
  // One snapshot for the walk and the head, or a row appended between them would look like a hole.
  return tx.transaction((trx) => walkAudit(trx, expected), {
    isolationLevel: 'repeatable read',
    readOnly: true,
  });
}

/** As verifyAudit, in a transaction that sees one moment. */
export async function walkAudit(trx: Tx, expected?: AuditHead): Promise<AuditVerdict> {
  const { rows } = await trx.raw('SELECT seq, problem FROM audit_first_bad_row()');
  if (rows[0]) return { ok: false, seq: rows[0].seq, problem: rows[0].problem };
  if (expected) {
    const row = await trx('auditEvent').where({ seq: expected.seq }).first('hash');
    if (row?.hash !== expected.hash)
      return { ok: false, seq: expected.seq, problem: 'the exported head is not in the chain' };
  }
  const head = await headHash(trx);
  const from = (await firstSeq(trx)) ?? 1;
  return { ok: true, rows: head.seq - from + 1, from, head };
}

/** 1, but where the beginning was written out and deleted by policy; null for an empty trail. */
export async function firstSeq(tx: Tx): Promise<number | null> {
  return (await tx('auditEvent').orderBy('seq').first('seq'))?.seq ?? null;
}

/** The last row's place; seq 0 and 64 zeros for an empty trail. */
export async function headHash(tx: Tx): Promise<AuditHead> {
  const row = await tx('auditEvent').orderBy('seq', 'desc').first('seq', 'hash');
  return row ?? { seq: 0, hash: '0'.repeat(64) };
}

/** Each row with the text its hash was taken over, so that a reader needs no PostgreSQL to check the chain. */
export type AuditExportRow = AuditRow & { readonly canonical: string };

/** Rows in the order of the chain, in pages: the trail may be longer than the memory. */
/** The rows after `after`, as far as `upTo` where it is given. */
export async function* exportAudit(
  tx: Tx,
  { after = 0, upTo = Number.MAX_SAFE_INTEGER, page = 1000 } = {},
): AsyncGenerator<AuditExportRow> {
  for (let last = after; ; ) {
    const rows: AuditExportRow[] = await tx('auditEvent as e')
      .where('seq', '>', last)
      .andWhere('seq', '<=', upTo)
      .orderBy('seq')
      .limit(page)
      .select('e.*', tx.raw('audit_canonical(e) AS canonical'));
    yield* rows;
    if (rows.length < page) return;
    last = rows.at(-1)!.seq;
  }
}

export interface AuditSearch {
  readonly event?: AuditEventName | undefined;
  readonly actor?: string | undefined;
  readonly subjectType?: string | undefined;
  readonly subjectId?: string | undefined;
  /** ISO 8601, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Only rows before this one: the next page of an answer. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** The newest first, by place in the chain: a page stays the same while the trail grows. */
export function searchAudit(
  tx: Tx,
  { from, to, before, limit, ...wanted }: AuditSearch,
): Promise<AuditRow[]> {
  const equal = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const query = tx('auditEvent').where(Object.fromEntries(equal)).orderBy('seq', 'desc').limit(limit);
  if (before !== undefined) query.where('seq', '<', before);
  if (from !== undefined) query.where('at', '>=', from);
  if (to !== undefined) query.where('at', '<=', to);
  return query.select('*');
}

/** The newest first, for one case's page. */
export function listAudit(tx: Tx, subjectType: string, subjectId: string, limit = 200): Promise<AuditRow[]> {
  return tx('auditEvent').where({ subjectType, subjectId }).orderBy('seq', 'desc').limit(limit).select('*');
}

function event<M extends string>(
  code: string,
  meaning: M,
  action: AuditAction,
  outcome: Outcome = OUTCOMES.success,
) {
  return { code, meaning, action, outcome } as const;
}
