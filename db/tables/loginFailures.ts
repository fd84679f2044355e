import type { Tx } from '../server/knex.js';

/** What failed log-ins are counted by. */
export type FailureKind = 'address' | 'account' | 'pair';

export interface FailureRow {
  readonly kind: FailureKind;
  readonly subjectHash: string;
  readonly failures: number;
  readonly lastAt: Date;
  readonly lockedUntil: Date;
}

export type FailureKey = Pick<FailureRow, 'kind' | 'subjectHash'>;

/**
 * The rows of these keys, made where they are not there and locked until the caller commits: tries that come together
 * are judged one after the other. Keys in one order, or two would wait for each other.
 */
export async function lockFailures(trx: Tx, keys: readonly FailureKey[]): Promise<FailureRow[]> {
  const rows: FailureRow[] = [];
  for (const key of keys) {
    const fresh = { ...key, failures: 0, lastAt: trx.fn.now(), lockedUntil: trx.raw("'-infinity'") };
    await trx('loginFailure').insert(fresh).onConflict(['kind', 'subjectHash']).ignore();
    rows.push(
      await trx('loginFailure').where(key).forUpdate().first(
        'kind',
        'subjectHash',
        'failures',
        'lastAt',
        // pg gives -infinity as a number.
        trx.raw("greatest(locked_until, 'epoch') AS locked_until"),
      ),
    );
  }
  return rows;
}

export async function saveFailure(trx: Tx, { kind, subjectHash, ...row }: FailureRow): Promise<void> {
  await trx('loginFailure').where({ kind, subjectHash }).update(row);
}

export async function clearFailures(trx: Tx, keys: readonly FailureKey[]): Promise<void> {
  for (const key of keys) await trx('loginFailure').where(key).delete();
}

/** What nothing is remembered of any more. */
export async function deleteOldFailures(trx: Tx, before: Date): Promise<void> {
  await trx('loginFailure').where('lastAt', '<', before).delete();
}
