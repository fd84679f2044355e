import { sopClassName } from '../../agent/dicom/storageClasses.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { listRefusals, type RefusalRow } from '../../db/tables/refusals.js';
import { measureUnread } from '../../db/tables/unreadObjects.js';
import type { Finding } from './finding.js';

const DAYS = 7;
const DAY_MS = 86_400_000;
/** So many kinds are named; metrics have them all. */
const MOST_NAMED = 8;
const BYTES_PER_MIB = 1 << 20;

/** What senders were not allowed of late: they may have stopped at it. */
export async function checkRefusals({ knex }: Pick<Database, 'knex'>): Promise<Finding> {
  const what = `refusals of the last ${DAYS} days`;
  const kinds = await listRefusals(knex, new Date(Date.now() - DAYS * DAY_MS));
  if (kinds.length === 0) return { what, verdict: 'ok', detail: 'none' };
  const named = kinds.slice(0, MOST_NAMED).map(inWords);
  const more = kinds.length > MOST_NAMED ? [`and ${kinds.length - MOST_NAMED} more kinds`] : [];
  return {
    what,
    verdict: 'warning',
    detail: [...named, ...more].join('; '),
    advice:
      'contexts and objects: dicom.otherSopClasses, dicom.acceptLossy, dicom.remotes; associations: dicom.allowedCallingAEs',
  };
}

function inWords({ what, callingAe, sopClassUid, status, reason, count, lastAt }: RefusalRow): string {
  const kind = sopClassUid === '' ? what : `${what} ${sopClassName(sopClassUid)}`;
  const why = [status, reason].filter(Boolean).join(', ');
  return `${kind} from ${callingAe || 'nobody'}, ${count} times, last ${lastAt.toISOString().slice(0, 16)}: ${why}`;
}

export async function checkUnread({ knex }: Pick<Database, 'knex'>, { dicom }: Config): Promise<Finding> {
  const { objects, bytes, dropped } = await measureUnread(knex);
  const mib = Math.ceil(bytes / BYTES_PER_MIB);
  const gone = dropped > 0 ? `, ${dropped} had to make room` : '';
  return {
    what: 'objects kept unread',
    verdict: 'ok',
    detail: `${objects}, ${mib} of ${dicom.unreadStoreMiB} MiB${gone}`,
  };
}
