import type { CaseState } from '../../agent/domain/caseStates.js';
import type { Tx } from '../server/knex.js';
import type { RefusalRow } from '../tables/refusals.js';
import type { SeriesRole } from '../tables/series.js';
import { anywhere } from './worklistFilter.js';

/** One series that has arrived, and what became of it. */
export interface FoundSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly patientName: string;
  readonly accessionNumber: string;
  readonly modality: string;
  readonly seriesDescription: string;
  readonly acquisitionDate: string | null;
  readonly images: number;
  readonly expectedInstances: number | null;
  readonly state: 'receiving' | 'complete';
  readonly lastReceivedAt: Date;
  readonly role: SeriesRole;
  readonly roleReason: string;
  /** The case of its study; of a CT the case that it is the reference of. */
  readonly caseId: string | null;
  readonly caseState: CaseState | null;
  readonly isRead: boolean | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly waitingFor: string | null;
  readonly closedBecause: string | null;
}

const SERIES = `
  SELECT se.series_instance_uid, se.study_instance_uid, s.patient_id, s.patient_name, s.accession_number, se.modality,
         se.series_description, se.acquisition_date, se.expected_instances, se.state, se.last_received_at, se.role,
         se.role_reason,
         (SELECT count(*)::integer FROM instance i WHERE i.series_instance_uid = se.series_instance_uid) AS images,
         c.id AS case_id, c.state AS case_state, c.mr_series_instance_uid = se.series_instance_uid AS is_read,
         c.last_error_code, c.last_error, c.waiting_for, c.closed_because
    FROM series se JOIN study s USING (study_instance_uid)
    LEFT JOIN LATERAL (
      SELECT * FROM "case" x WHERE CASE
          WHEN se.role = 'mr' THEN x.mr_study_instance_uid = se.study_instance_uid
          WHEN se.role = 'ct' THEN EXISTS (
            SELECT FROM pairing p WHERE p.case_id = x.id AND p.revision = x.revision
               AND p.ct_series_instance_uid = se.series_instance_uid)
          ELSE false END
       ORDER BY x.mr_series_instance_uid = se.series_instance_uid DESC, x.state <> 'closed' DESC, x.created_at DESC
       LIMIT 1) c ON true
   WHERE se.series_instance_uid = :wanted OR se.study_instance_uid = :wanted OR s.patient_id = :wanted
      OR (s.accession_number = :wanted AND :wanted <> '')
      OR EXISTS (SELECT FROM instance i
                  WHERE i.series_instance_uid = se.series_instance_uid AND i.sop_instance_uid = :wanted)
      OR EXISTS (SELECT FROM study_identity d WHERE d.study_instance_uid = s.study_instance_uid
                  AND (d.patient_id = :wanted OR translate(d.patient_name, '^=', '  ') ILIKE ALL (:words::text[])))
      OR EXISTS (SELECT FROM "case" k WHERE k.mr_study_instance_uid = se.study_instance_uid AND k.id::text = :wanted)
      OR translate(s.patient_name, '^=', '  ') ILIKE ALL (:words::text[])
   ORDER BY se.last_received_at DESC LIMIT :limit`;

/** Series by UID (of series, study or image), patient ID, accession number, case or part of the name; newest first. */
export async function findSeriesBy(tx: Tx, text: string, limit: number): Promise<FoundSeries[]> {
  const { rows } = await tx.raw(SERIES, { wanted: text, words: wordsOf(text), limit });
  return rows;
}

/** Patterns that a name has to match, all of them. */
function wordsOf(text: string): string[] {
  const words = text.split(/[\s,^]+/).filter(Boolean);
  return (words.length > 0 ? words : [text]).map(anywhere);
}

/** An object that was not taken, by its UID. */
export interface FoundRefusal {
  readonly at: Date;
  readonly actor: string;
  readonly subjectId: string;
  readonly detail: { readonly reason?: string; readonly status?: string };
}

export function findRefusedObject(tx: Tx, sopInstanceUid: string, limit: number): Promise<FoundRefusal[]> {
  return tx('auditEvent')
    .where({ event: 'OBJECT_REFUSED', subjectId: sopInstanceUid })
    .orderBy('seq', 'desc')
    .limit(limit)
    .select('at', 'actor', 'subjectId', 'detail');
}

/** All that a sender, named by AE title or address, was not allowed: associations, contexts, objects; the latest first. */
export function findRefusalsOf(tx: Tx, sender: string, limit: number): Promise<RefusalRow[]> {
  return tx('refusal')
    .where((either) => either.where('callingAe', sender).orWhere('remoteAddress', sender))
    .orderBy('lastAt', 'desc')
    .limit(limit)
    .select('*');
}

/** Objects of one study and class that are kept and not read. */
export interface FoundUnread {
  readonly studyInstanceUid: string;
  readonly sopClassUid: string;
  readonly callingAe: string;
  readonly objects: number;
  readonly dropped: number;
  readonly lastReceivedAt: Date;
  /** Null where no image of the study has come, which says whose it is. */
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly accessionNumber: string | null;
}

const UNREAD = `
  SELECT u.study_instance_uid, u.sop_class_uid, u.calling_ae, count(*)::integer AS objects,
         count(u.dropped_at)::integer AS dropped, max(u.received_at) AS last_received_at,
         s.patient_id, s.patient_name, s.accession_number
    FROM unread_object u LEFT JOIN study s USING (study_instance_uid)
   WHERE u.sop_instance_uid = :wanted OR u.series_instance_uid = :wanted OR u.study_instance_uid = :wanted
      OR u.study_instance_uid = ANY (:studies)
      OR s.patient_id = :wanted OR (s.accession_number = :wanted AND :wanted <> '')
      OR translate(s.patient_name, '^=', '  ') ILIKE ALL (:words::text[])
   GROUP BY u.study_instance_uid, u.sop_class_uid, u.calling_ae, s.patient_id, s.patient_name, s.accession_number
   ORDER BY last_received_at DESC LIMIT :limit`;

/** @param studies those that are wanted whatever the index says of them */
export async function findUnread(
  tx: Tx,
  text: string,
  studies: readonly string[],
  limit: number,
): Promise<FoundUnread[]> {
  const { rows } = await tx.raw(UNREAD, { wanted: text, words: wordsOf(text), studies: [...studies], limit });
  return rows;
}

/** One kept file of every study that has nothing but unread objects, the newest first: only the file says whose it is. */
export async function listUnreadStrays(
  tx: Tx,
  limit: number,
): Promise<{ readonly studyInstanceUid: string; readonly spoolPath: string }[]> {
  const { rows } = await tx.raw(
    `SELECT study_instance_uid, max(spool_path) AS spool_path FROM unread_object u
      WHERE dropped_at IS NULL AND NOT EXISTS (SELECT FROM study s WHERE s.study_instance_uid = u.study_instance_uid)
      GROUP BY study_instance_uid ORDER BY max(received_at) DESC LIMIT ?`,
    [limit],
  );
  return rows;
}

/** What a PACS was asked for and has not been fetched. */
export interface FoundFetch {
  readonly source: string;
  readonly wantedModality: string;
  readonly state: string;
  readonly reason: string;
  readonly lastError: string | null;
}

export function findOpenFetches(tx: Tx, patientId: string, limit: number): Promise<FoundFetch[]> {
  return tx('priorFetch')
    .where({ patientId })
    .whereNot({ state: 'done' })
    .orderBy('askedAt', 'desc')
    .limit(limit)
    .select('source', 'wantedModality', 'state', 'reason', 'lastError');
}
