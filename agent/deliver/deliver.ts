import { type Destination, formsOf, isDicomForm, isDimse } from '../../config/destinations.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import {
  type DeliveryRow,
  ensureDeliveries,
  insertTakenForms,
  type ListedDelivery,
  listDeliveries,
  markFailed,
  markStored,
  startDelivery,
  type TakenForm,
  unparkDelivery,
} from '../../db/tables/deliveries.js';
import { listUntoldWithdrawals } from '../../db/tables/notices.js';
import { findLatestReport, type ReportRow } from '../../db/tables/reports.js';
import { findRoute, type Route } from '../../db/tables/results.js';
import { noteDelivery } from '../../db/work/stageTimes.js';
import { asCalcidiscError, CalcidiscError } from '../domain/errors.js';
import { sha256 } from '../domain/hash.js';
import { isObjectForm } from '../report/forms.js';
import type { Item, Outcome } from './channel.js';
import { channelOf } from './channels/index.js';
import { itemsFor, lackingRounds, type Parcel } from './parcel.js';
import { takePlace, takeSeat } from './throttle.js';
import { type DeliveryVerdict, together, verdictOf } from './verdict.js';

export interface DeliverContext {
  readonly config: Pick<Config, 'deliver' | 'dicom' | 'route'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  readonly case: Pick<CaseRow, 'id' | 'revision' | 'stateSince'>;
  /** Ends attempts under way when the process stops; they are due at once for the next one. */
  readonly signal?: AbortSignal;
}

/** Delivered means every configured destination has said that it holds the report. */
export type Delivered = 'delivered' | { readonly retryAt: Date } | { readonly parked: string };

/**
 * One round: the report's stored bytes to every destination that is due, each attempt written down. Calling it
 * again, after a crash too, sends nothing to who has it; who was sent it twice gets the same bytes and UID.
 * @throws CalcidiscError REPORT_INVALID when the case has no report
 */
export async function deliverReport(context: DeliverContext): Promise<Delivered> {
  const { knex } = context.database;
  const { id, revision } = context.case;
  const report = await findLatestReport(knex, id, revision);
  // A revision that had nothing new to say has no report of its own: then the one before it is the case's.
  if (!report) throw new CalcidiscError('REPORT_INVALID', 'there is no report to deliver', { caseId: id });
  const route = await findRoute(knex, report.id);
  const destinations = destinationsOf(context, route);
  const ours = ({ destination }: DeliveryRow) => destinations.has(destination);
  const deliveries = (await ensureDeliveries(knex, report.id, [...destinations.keys()])).filter(ours);
  // First the word that what came before does not stand, then what does: a receiver may know both by one number.
  const untold = await listUntoldWithdrawals(knex, id);
  const seats = new Map<string, () => void>();
  const held = new Map(untold.map((name) => [name, UNTOLD_AGAIN_MS]));
  const due = (await dueDeliveries(context, deliveries)).filter(({ destination }) => {
    if (held.has(destination)) return false;
    const leave = takeSeat(destinations.get(destination)!);
    const waitMs = leave ? takePlace(destinations.get(destination)!) : NO_SEAT_AGAIN_MS;
    if (waitMs > 0) {
      leave?.();
      held.set(destination, waitMs);
    } else if (leave) seats.set(destination, leave);
    return waitMs === 0;
  });
  await Promise.all(
    due.map((row) =>
      tryOnce(context, { report, route }, row, destinations.get(row.destination)!).finally(
        seats.get(row.destination),
      ),
    ),
  );
  return outcomeOf((await listDeliveries(knex, report.id)).filter(ours), held);
}

/**
 * Those it was decided to send to, as far as they are still configured. Of a report of an older version only the SR is
 * kept, and nothing was decided: every one that takes DICOM objects.
 */
function destinationsOf({ config }: DeliverContext, route: Route | null): ReadonlyMap<string, Destination> {
  const wanted = route && new Set(route.sends.map(({ destination }) => destination));
  const isWanted = (one: Destination) =>
    wanted === null ? formsOf(one).some(isDicomForm) : wanted.has(one.name);
  return new Map(config.route.destinations.filter(isWanted).map((one) => [one.name, one]));
}

async function dueDeliveries(
  { database, log }: DeliverContext,
  deliveries: readonly ListedDelivery[],
): Promise<readonly ListedDelivery[]> {
  if (deliveries.length === 0) log.warn('no destination is configured: the report stays here');
  const pending = deliveries.filter(({ state }) => state === 'pending');
  if (pending.length > 0) return pending.filter(({ nextAttemptAt }) => nextAttemptAt.getTime() <= Date.now());
  // With nothing pending a case is delivered or parked: that it comes here again is a person's word to try again.
  const parked = deliveries.filter(({ state }) => state === 'parked');
  for (const { id } of parked) await unparkDelivery(database.knex, id);
  return parked;
}

/** A destination that is being sent as much as it bears at the same time is looked at again after so long. */
const NO_SEAT_AGAIN_MS = 250;

/** A word of withdrawal is looked for again after so long. */
const UNTOLD_AGAIN_MS = 1_000;

/** @param held destinations that something is not to go to yet, and for how many milliseconds */
function outcomeOf(deliveries: readonly DeliveryRow[], held: ReadonlyMap<string, number>): Delivered {
  const pending = deliveries.filter(({ state }) => state === 'pending');
  const dueAt = ({ destination, nextAttemptAt }: DeliveryRow) => {
    const waitMs = held.get(destination);
    return Math.max(nextAttemptAt.getTime(), waitMs === undefined ? 0 : Date.now() + waitMs);
  };
  if (pending.length > 0) return { retryAt: new Date(Math.min(...pending.map(dueAt))) };
  const parked = deliveries.filter(({ state }) => state === 'parked');
  if (parked.length === 0) return 'delivered';
  return { parked: parked.map(({ destination, lastError }) => `${destination}: ${lastError}`).join('; ') };
}

interface Sent {
  readonly report: ReportRow;
  readonly route: Route | null;
}

async function tryOnce(
  context: DeliverContext,
  { report, route }: Sent,
  listed: ListedDelivery,
  destination: Destination,
): Promise<void> {
  const { config, database, log } = context;
  const row = await startDelivery(database.knex, listed.id);
  if (!row) return;
  // A person who unparked the case has started the clock again.
  const askedFor = Math.max(row.createdAt.getTime(), context.case.stateSince.getTime());
  const channel = channelOf(destination);
  const attempt = { number: row.attempts, ageMs: Date.now() - askedFor };
  const { items, outcomes, unwritten } = await sendLacking(context, {
    report,
    route,
    delivery: listed,
    destination,
  });
  const judged = items.map((item, index) => ({
    ...item,
    verdict: verdictOf(outcomes[index]!, attempt, config.deliver),
  }));
  const whole = judged.length > 0 ? together(judged, listed.forms.includes('sr')) : NOTHING_LEFT;
  const verdict = unwritten ? verdictOf(unwritten, attempt, config.deliver) : whole;
  const isNews = await writeDown(database, report, row, destination, { verdict, judged });
  if (isNews && verdict.outcome === 'stored')
    noteDelivery(
      report.caseId,
      { channel: destination.channel, destination: destination.name },
      Date.now() - askedFor,
    );
  const { sopInstanceUid } = report;
  const facts = {
    destination: destination.name,
    sopInstanceUid,
    forms: items.map(({ form }) => form),
    attempts: row.attempts,
    status: verdict.status,
  };
  if (verdict.outcome === 'failed') {
    const plan = verdict.delayMs === null ? 'parked for a person' : `again in ${verdict.delayMs} ms`;
    log.warn({ ...facts, code: verdict.error.code, reason: verdict.error.message }, `not delivered, ${plan}`);
  } else if (verdict.without)
    log.warn({ ...facts, reason: verdict.without.message }, 'delivered, without a form that was refused');
  else if (verdict.isWarning) log.warn(facts, 'delivered, with a warning');
  else log.info({ ...facts, ...channel.describe(destination, context) }, 'delivered');
}

/**
 * Round by round; what is to be drawn is not begun for a destination that did not take the report itself. A message that
 * cannot be written is no fault of the destination, and is tried again all the same: somebody mends it.
 */
async function sendLacking(context: DeliverContext, parcel: Parcel) {
  const channel = channelOf(parcel.destination);
  const items: Item[] = [];
  const outcomes: Outcome[] = [];
  try {
    const rounds = lackingRounds(parcel);
    for (const [at, forms] of rounds.entries()) {
      if (outcomes.some(({ kind }) => kind === 'failed' || kind === 'interrupted')) break;
      const round = await itemsFor(context.database.knex, parcel, forms);
      if (round.length === 0) continue;
      outcomes.push(
        ...(await channel.send(round, parcel.destination, {
          ...context,
          toFollow: rounds[at + 1]?.filter(isObjectForm) ?? [],
        })),
      );
      items.push(...round);
    }
    return { items, outcomes, unwritten: null };
  } catch (thrown) {
    const unwritten: Outcome = { kind: 'failed', answer: null, error: asCalcidiscError(thrown) };
    return { items, outcomes, unwritten };
  }
}

/** It has every form that it is to have: the process ended before that was written down. */
const NOTHING_LEFT: DeliveryVerdict = { outcome: 'stored', status: '0000', isWarning: false };

interface Judged {
  readonly verdict: DeliveryVerdict;
  readonly judged: readonly (Item & { readonly verdict: DeliveryVerdict })[];
}

/**
 * The delivery's new state, the forms that were taken and, when it is settled, its audit event, in one transaction.
 * @returns false when it was stored or parked already
 */
async function writeDown(
  { knex }: Pick<Database, 'knex'>,
  report: ReportRow,
  { id, destination, attempts }: DeliveryRow,
  to: Destination,
  { verdict, judged }: Judged,
): Promise<boolean> {
  const isStored = verdict.outcome === 'stored';
  const taken = judged.flatMap(takenForm);
  return knex.transaction(async (trx) => {
    const isNews = isStored
      ? await markStored(trx, id, verdict.status, isDimse(to) && to.commitment, verdict.without)
      : await markFailed(trx, id, verdict);
    if (!isNews) return false;
    await insertTakenForms(trx, id, taken);
    if (!isStored && verdict.delayMs !== null) return true;
    await appendAudit(trx, {
      event: isStored ? 'REPORT_SENT' : 'REPORT_REFUSED',
      subjectType: 'report',
      subjectId: report.sopInstanceUid,
      detail: {
        caseId: report.caseId,
        revision: report.revision,
        destination,
        attempts,
        status: verdict.status,
        forms: taken.map(({ form }) => form),
        ...(isStored ? {} : { reason: verdict.error.message }),
        ...(isStored && verdict.without ? { without: verdict.without.message } : {}),
      },
    });
    return true;
  });
}

function takenForm({ form, bytes, verdict }: Judged['judged'][number]): TakenForm[] {
  if (verdict.outcome !== 'stored') return [];
  // DICOM objects are kept with the report; a message is kept as it went.
  const message = isDicomForm(form) ? null : bytes;
  return [{ form, status: verdict.status, sha256: sha256(bytes), message }];
}
