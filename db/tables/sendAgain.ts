import { type Destination, formsOf } from '../../config/destinations.js';
import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';
import { type CaseRow, lockCase, moveCase, unparkCase } from './cases.js';
import { type ListedDelivery, listDeliveries } from './deliveries.js';
import { unparkNotices } from './notices.js';
import { findLatestReport } from './reports.js';
import { findRoute, type Route } from './results.js';

/** A destination, and forms of the newest report that it refused while it took others. */
export interface RefusedForms {
  readonly destination: string;
  readonly forms: readonly string[];
}

export interface SentAgain {
  /** The state that a parked case goes on from; null: it was not parked. */
  readonly from: CaseRow['state'] | null;
  readonly refused: readonly RefusedForms[];
  /** Words of withdrawal and of parked cases that go out again. */
  readonly notices: number;
}

export interface AgainRequest {
  readonly caseId: string;
  /** What was mended, in words, for the trail. */
  readonly reason: string;
  readonly actor: string;
}

/**
 * What each destination lacks goes out again on a person's word: a parked case goes on, and a form that was refused
 * beside a report that was taken is tried once more. What a destination has is not sent again.
 * @returns null where there is nothing to send: nothing is changed then, nor written on the trail
 */
export async function sendAgain(
  trx: Tx,
  destinations: readonly Destination[],
  { caseId, reason, actor }: AgainRequest,
): Promise<SentAgain | null> {
  const row = await lockCase(trx, caseId);
  if (!row) return null;
  const unparked = await unparkCase(trx, { id: caseId, reason, actor });
  const now = unparked ?? row;
  const notices = await unparkNotices(trx, caseId);
  const refused = await reopen(trx, destinations, now);
  if (refused.length > 0) {
    await appendAudit(trx, {
      event: 'FORMS_SENT_AGAIN',
      subjectType: 'case',
      subjectId: caseId,
      actor,
      detail: { revision: row.revision, reason, refused },
    });
    if (now.state === 'delivered')
      await moveCase(trx, {
        id: caseId,
        revision: row.revision,
        from: 'delivered',
        to: 'reported',
        auditDetail: { reason: 'forms that were refused go out again' },
      });
    // One that waits for another destination need not wait for that.
    else if (now.state === 'reported')
      await trx('case')
        .where({ id: caseId })
        .update({ nextAttemptAt: trx.raw('clock_timestamp()') });
  }
  if (!unparked && notices === 0 && refused.length === 0) return null;
  return { from: unparked?.state ?? null, refused, notices };
}

/** Forms that destinations do without, of the newest report: what `sendAgain` would send beside what is parked. */
export async function listRefusedForms(
  tx: Tx,
  destinations: readonly Destination[],
  { id, revision, state, parkedFrom }: Pick<CaseRow, 'id' | 'revision' | 'state' | 'parkedFrom'>,
): Promise<readonly (RefusedForms & { readonly deliveryId: string })[]> {
  if (!MAY_SEND.has(parkedFrom ?? state)) return [];
  const report = await findLatestReport(tx, id, revision);
  if (!report) return [];
  const route = await findRoute(tx, report.id);
  return (await listDeliveries(tx, report.id)).flatMap((delivery) => {
    const forms = lackingForms(delivery, route, destinations);
    return forms.length > 0 ? [{ deliveryId: delivery.id, destination: delivery.destination, forms }] : [];
  });
}

/** A case that is read again has a report to come; one that is closed keeps what it said. */
const MAY_SEND: ReadonlySet<CaseRow['state']> = new Set(['reported', 'delivered']);

function lackingForms(
  { state, lastErrorCode, destination, forms }: ListedDelivery,
  route: Route | null,
  destinations: readonly Destination[],
): readonly string[] {
  // A delivery that is stored with an error does without something (agent/deliver/verdict.ts).
  if (state !== 'stored' || lastErrorCode === null) return [];
  const configured = destinations.find(({ name }) => name === destination);
  const decided = route?.sends.find((send) => send.destination === destination)?.forms;
  if (!configured || !decided) return [];
  return formsOf(configured).filter((form) => decided.includes(form) && !forms.includes(form));
}

/** Stored deliveries that lack a form are due again; so are parked ones, which would else wait for those. */
async function reopen(
  trx: Tx,
  destinations: readonly Destination[],
  row: CaseRow,
): Promise<readonly RefusedForms[]> {
  const refused = await listRefusedForms(trx, destinations, row);
  if (refused.length === 0) return [];
  const report = (await findLatestReport(trx, row.id, row.revision))!;
  const due = { state: 'pending', attempts: 0, nextAttemptAt: trx.raw('clock_timestamp()') };
  await trx('delivery')
    .whereIn(
      'id',
      refused.map(({ deliveryId }) => deliveryId),
    )
    .update(due);
  await trx('delivery')
    .where({ reportId: report.id, state: 'parked' })
    .update({ ...due, commitmentResends: 0 });
  return refused.map(({ destination, forms }) => ({ destination, forms }));
}
