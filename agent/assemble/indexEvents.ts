import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { type AuditEvent, appendAudit } from '../../db/tables/audit.js';
import type { SeriesRow } from '../../db/tables/series.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import type { Written } from './comesAgain.js';

/** PS3.5 9: a UID names one object. The first one stays; the other is kept aside for a person to look at. */
export const CONFLICT = 'another object under a known SOP Instance UID';

export function conflictEvent({ instance }: Written): AuditEvent {
  const { file, seriesInstanceUid, datasetSha256 } = instance;
  return {
    event: 'OBJECT_REFUSED',
    subjectType: 'instance',
    subjectId: file.sopInstanceUid,
    actor: `ae:${file.callingAe}`,
    detail: { reason: CONFLICT, seriesInstanceUid, sha256: datasetSha256 },
  };
}

export function reopenedEvent({ seriesInstanceUid, reopened, reopenReason }: SeriesRow): AuditEvent {
  return {
    event: 'SERIES_REOPENED',
    subjectType: 'series',
    subjectId: seriesInstanceUid,
    detail: { reopened, ...(reopenReason ? { reason: reopenReason } : {}) },
  };
}

interface RefuseContext {
  readonly database: Database;
  readonly spool: Spool;
  readonly log: Logger;
}

/** A file that cannot be indexed is set aside with its reason. */
export async function refuseUnreadable(
  { database, spool, log }: RefuseContext,
  file: SpooledFile,
  error: Error,
): Promise<void> {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // Another run has moved it already.
  const about = { sopInstanceUid: file.sopInstanceUid, callingAe: file.callingAe };
  log.error({ ...about, err: error }, 'an object in the spool cannot be read: set aside');
  await spool.setAside(file, `unreadable: ${error.message}`);
  await appendAudit(database.knex, {
    event: 'OBJECT_REFUSED',
    subjectType: 'instance',
    subjectId: file.sopInstanceUid,
    actor: `ae:${file.callingAe}`,
    detail: { reason: 'unreadable' },
  });
}
