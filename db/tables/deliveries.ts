import { randomUUID } from 'node:crypto';
import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';

/** How far something that goes to a destination has come. */
export interface Attempts {
  /** The destination's name in the configuration. */
  readonly destination: string;
  readonly state: 'pending' | 'stored' | 'parked';
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  /** The last answer's status: of C-STORE four hexadecimal digits, of HTTP three digits. */
  readonly lastStatus: string | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly storedAt: Date | null;
}

export interface DeliveryRow extends Attempts {
  readonly id: string;
  readonly reportId: string;
  /** Storage commitment (PS3.4 annex J): what the destination has promised. */
  readonly commitment: 'none' | 'due' | 'requested' | 'resending' | 'committed' | 'failed';
  /** Requests since the report was stored last. */
  readonly commitmentAttempts: number;
  readonly commitmentResends: number;
  /** When it is asked for, again too; null when it is not. */
  readonly commitmentDueAt: Date | null;
  readonly commitmentError: string | null;
  readonly committedAt: Date | null;
}

/** With the forms that the destination has. */
export interface ListedDelivery extends DeliveryRow {
  readonly forms: readonly string[];
}

/** A delivery for each destination that has none yet. @returns all of the report's */
export async function ensureDeliveries(
  trx: Tx,
  reportId: string,
  destinations: readonly string[],
): Promise<ListedDelivery[]> {
  if (destinations.length > 0)
    await trx('delivery')
      .insert(destinations.map((destination) => ({ id: randomUUID(), reportId, destination })))
      .onConflict(['reportId', 'destination'])
      .ignore();
  return listDeliveries(trx, reportId);
}

export function listDeliveries(tx: Tx, reportId: string): Promise<ListedDelivery[]> {
  const forms = tx.raw(
    "(SELECT coalesce(jsonb_agg(form ORDER BY stored_at, form), '[]') FROM delivery_form WHERE delivery_id = delivery.id) AS forms",
  );
  return tx('delivery').where({ reportId }).orderBy('destination').select('*', forms);
}

/** A form of the report that a destination has taken. */
export interface TakenForm {
  readonly form: string;
  /** The destination's word. */
  readonly status: string;
  readonly sha256: string;
  /** A message as it was sent; null for what is kept with the report anyway. */
  readonly message: Uint8Array | null;
}

export async function insertTakenForms(
  tx: Tx,
  deliveryId: string,
  taken: readonly TakenForm[],
): Promise<void> {
  if (taken.length === 0) return;
  const rows = taken.map(({ message, ...each }) => ({
    ...each,
    deliveryId,
    message: message && Buffer.from(message),
  }));
  await tx('deliveryForm').insert(rows).onConflict(['deliveryId', 'form']).ignore();
}

/** Counted when it starts, so that an attempt that ends its process counts too. */
export async function startDelivery(tx: Tx, id: string): Promise<DeliveryRow | null> {
  const [row] = await tx('delivery')
    .where({ id, state: 'pending' })
    .update({ attempts: tx.raw('attempts + 1') })
    .returning('*');
  return row ?? null;
}

/**
 * @param asksCommitment whether the destination is to be asked to keep it safe
 * @param without what it refused beside the report and does without
 * @returns false when it was stored or parked already
 */
export async function markStored(
  tx: Tx,
  id: string,
  status: string,
  asksCommitment = false,
  without: CalcidiscError | null = null,
): Promise<boolean> {
  const count = await tx('delivery')
    .where({ id, state: 'pending' })
    .update({
      state: 'stored',
      storedAt: tx.raw('clock_timestamp()'),
      lastStatus: status,
      lastErrorCode: without?.code ?? null,
      lastError: without?.message ?? null,
      ...(asksCommitment
        ? { commitment: 'due', commitmentAttempts: 0, commitmentDueAt: tx.raw('clock_timestamp()') }
        : {}),
    });
  return count > 0;
}

export interface DeliveryFailure {
  readonly error: CalcidiscError;
  /** The destination's status, when there was an answer. */
  readonly status: string | null;
  /** Until the next attempt; null parks the delivery for a person. */
  readonly delayMs: number | null;
}

/** @returns false when it was stored or parked already */
export async function markFailed(tx: Tx, id: string, failure: DeliveryFailure): Promise<boolean> {
  const { error, status, delayMs } = failure;
  const count = await tx('delivery')
    .where({ id, state: 'pending' })
    .update({
      state: delayMs === null ? 'parked' : 'pending',
      nextAttemptAt: tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs ?? 0]),
      lastStatus: status,
      lastErrorCode: error.code,
      lastError: error.message,
    });
  return count > 0;
}

/** A parked delivery is tried again because a person says so. */
export async function unparkDelivery(tx: Tx, id: string): Promise<boolean> {
  const count = await tx('delivery')
    .where({ id, state: 'parked' })
    .update({
      state: 'pending',
      attempts: 0,
      commitmentResends: 0,
      nextAttemptAt: tx.raw('clock_timestamp()'),
    });
  return count > 0;
}

/** Reports that a destination has without a form that it refused, by destination. */
export function countWithoutForm(tx: Tx): Promise<{ destination: string; reports: number }[]> {
  return tx('delivery')
    .where({ state: 'stored' })
    .whereNotNull('lastErrorCode')
    .groupBy('destination')
    .select('destination', tx.raw('count(*)::integer AS reports'));
}
