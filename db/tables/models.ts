import { randomUUID } from 'node:crypto';
import { json, type Tx } from '../server/knex.js';
import { type AuditEventName, appendAudit } from './audit.js';

export type ModelKind = 'classifier' | 'localiser';
export type ModelState = 'registered' | 'active' | 'shadow' | 'retired';

/** What a site has set in place of a card's own bounds. */
export interface LocalBounds {
  readonly threshold: number;
  /** null: no answer is indeterminate. */
  readonly indeterminateFrom: number | null;
}

export interface ModelRow {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly kind: ModelKind;
  /** Lower-case hexadecimal, of the ONNX file. */
  readonly sha256: string;
  /** Relative to the models folder. */
  readonly path: string;
  readonly card: Readonly<Record<string, unknown>>;
  readonly state: ModelState;
  readonly stateSince: Date;
  /** null: those of the card. */
  readonly localBounds: LocalBounds | null;
}

export type NewModel = Omit<ModelRow, 'id' | 'state' | 'stateSince' | 'localBounds'>;

/** One row per name and version; a second call gives the first one's row, whose hash may be another. */
export async function registerModel(
  tx: Tx,
  model: NewModel,
): Promise<{ model: ModelRow; registered: boolean }> {
  return tx.transaction(async (trx) => {
    const { name, version } = model;
    const [row] = await trx('model')
      .insert({ ...model, id: randomUUID(), card: json(model.card) })
      .onConflict(['name', 'version'])
      .ignore()
      .returning('*');
    if (!row) return { model: (await findModel(trx, name, version))!, registered: false };
    await audit(trx, 'MODEL_REGISTERED', row);
    return { model: row, registered: true };
  });
}

export async function findModel(tx: Tx, name: string, version: string): Promise<ModelRow | null> {
  return (await tx('model').where({ name, version }).first('*')) ?? null;
}

/** All of one name, or all there are; in no order that means anything to a version. */
export function listModels(tx: Tx, filter: { name?: string; kind?: ModelKind } = {}): Promise<ModelRow[]> {
  return tx('model').where(filter).orderBy(['kind', 'name', 'version']).select('*');
}

/** The classifiers at work: the one that decides, and those that only record. */
export function modelsAtWork(tx: Tx): Promise<ModelRow[]> {
  return tx('model')
    .where({ kind: 'classifier' })
    .whereIn('state', ['active', 'shadow'])
    .orderBy(['name', 'version'])
    .select('*');
}

const EVENT_OF_STATE = {
  active: 'MODEL_ACTIVATED',
  shadow: 'MODEL_SHADOWED',
  retired: 'MODEL_RETIRED',
} as const satisfies Partial<Record<ModelState, AuditEventName>>;

export interface ModelChange {
  readonly id: string;
  readonly to: keyof typeof EVENT_OF_STATE;
  /** 'user:anna' when a person asked for it. */
  readonly actor?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What was active becomes retired when another takes its place; the trail keeps who was it before. */
export async function changeModel(tx: Tx, { id, to, actor, detail }: ModelChange): Promise<ModelRow> {
  return tx.transaction(async (trx) => {
    // All of the kind at once, in one order: two people who activate different models must not cross.
    const rows: ModelRow[] = await trx('model').orderBy('id').forUpdate().select('*');
    const model = rows.find((row) => row.id === id)!;
    if (model.state === to) {
      // What was active by default has now been chosen.
      if (to === 'active' && actor)
        await audit(trx, EVENT_OF_STATE[to], model, actor, { ...detail, from: to });
      return model;
    }
    const replaced = rows.find((row) => row.state === 'active' && row.kind === model.kind && row.id !== id);
    if (to === 'active' && replaced) await setState(trx, replaced.id, 'retired');
    const after = await setState(trx, id, to);
    if (to === 'active' && replaced)
      await audit(trx, 'MODEL_RETIRED', replaced, actor, { replacedBy: `${model.name}@${model.version}` });
    await audit(trx, EVENT_OF_STATE[to], after, actor, {
      ...detail,
      from: model.state,
      ...(to === 'active' && replaced && { replaces: `${replaced.name}@${replaced.version}` }),
    });
    return after;
  });
}

export interface BoundsChange {
  readonly id: string;
  /** null: back to those of the card. */
  readonly bounds: LocalBounds | null;
  readonly actor: string;
  readonly reason: string;
}

/** From the next case on: what was answered keeps the threshold it was answered by. */
export async function setLocalBounds(tx: Tx, { id, bounds, actor, reason }: BoundsChange): Promise<ModelRow> {
  return tx.transaction(async (trx) => {
    const { localBounds: before }: ModelRow = await trx('model').where({ id }).forUpdate().first('*');
    const [row] = await trx('model')
      .where({ id })
      .update({ localBounds: bounds && json(bounds) })
      .returning('*');
    await audit(trx, 'MODEL_BOUNDS_SET', row, actor, { before, after: bounds, reason });
    return row;
  });
}

/** One time that a classifier became active. */
export interface Activation {
  /** Of the model. */
  readonly id: string;
  /** Why, where that was said. */
  readonly reason: string | null;
  /** As the trail names them: 'user:anna', or a process. */
  readonly actor: string;
  /** It was the one before, taken back. */
  readonly isRollback: boolean;
}

/** The classifiers that were ever active, the latest first: what a roll-back goes back through. */
export async function activationHistory(tx: Tx): Promise<Activation[]> {
  const rows: { subjectId: string; actor: string; detail: { reason?: string; rollback?: boolean } }[] =
    await tx('auditEvent')
      .where({ event: 'MODEL_ACTIVATED', subjectType: 'model' })
      .orderBy('seq', 'desc')
      .select('subjectId', 'actor', 'detail');
  return rows.map(({ subjectId, actor, detail: { reason, rollback } }) => ({
    id: subjectId,
    actor,
    reason: reason ?? null,
    isRollback: rollback === true,
  }));
}

async function setState(trx: Tx, id: string, state: ModelState): Promise<ModelRow> {
  const [row] = await trx('model')
    .where({ id })
    .update({ state, stateSince: trx.raw('clock_timestamp()') })
    .returning('*');
  return row;
}

function audit(
  trx: Tx,
  event: AuditEventName,
  { id, name, version, sha256 }: ModelRow,
  actor?: string,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  return appendAudit(trx, {
    event,
    subjectType: 'model',
    subjectId: id,
    detail: { ...detail, name, version, sha256 },
    ...(actor && { actor }),
  });
}
