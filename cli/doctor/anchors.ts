import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { headHash } from '../../db/tables/audit.js';
import { listAnchors } from '../../db/tables/auditAnchors.js';
import type { Finding } from './finding.js';

/** An anchor may be late by a look that failed and the one after it. */
const LATE_LOOKS = 3;

/** Whether the trail's head stands where the configuration wants it: a place that takes none says so nowhere else but in the log. */
export async function checkAnchors(
  knex: Database['knex'],
  { audit: { anchor } }: Pick<Config, 'audit'>,
): Promise<Finding[]> {
  if (!anchor) return [];
  const [all, head] = [await listAnchors(knex), await headHash(knex)];
  const places = [anchor.file, anchor.timeStampUrl].filter((place) => place !== undefined);
  return places.map((place): Finding => {
    const what = `audit anchor ${place}`;
    const last = all.findLast((each) => each.place === place);
    const isLate = !last || Date.now() - last.anchoredAt.getTime() > LATE_LOOKS * anchor.everyMs;
    if (!last && Number(head.seq) === 0) return { what, verdict: 'ok', detail: 'no row to be anchored yet' };
    const detail = last
      ? `up to row ${last.seq} of ${head.seq}, at ${last.anchoredAt.toISOString()}`
      : 'nothing was anchored there yet';
    if (!isLate || last?.seq === Number(head.seq)) return { what, verdict: 'ok', detail };
    const advice = 'a service that runs says why in its log: “cannot be anchored”';
    return { what, verdict: 'warning', detail, setting: 'audit.anchor', advice };
  });
}
