import { json, snakeCase, type Tx } from '../server/knex.js';

/**
 * Inserts rows of one table in one statement; all have the keys of the first (columns in camelCase). What is absent gets
 * the table's default. A Buffer goes into a bytea column, an object or array into a jsonb one.
 */
export async function insertRows(
  tx: Tx,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]!)
    .map((key) => `"${snakeCase(key)}"`)
    .join(', ');
  const lines = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [snakeCase(key), inJson(value)])),
  );
  await tx.raw(
    `INSERT INTO "${table}" (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::"${table}", ?)`,
    [json(lines)],
  );
}

function inJson(value: unknown): unknown {
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}

/** Without the triggers of these tables of ours: who fills in bulk does their work once, at the end. */
export async function withoutTriggers<T>(
  trx: Tx,
  triggers: Readonly<Record<string, readonly string[]>>,
  work: () => Promise<T>,
): Promise<T> {
  const each = Object.entries(triggers).flatMap(([table, names]) =>
    names.map((name) => [table, name] as const),
  );
  for (const [table, name] of each) await trx.raw(`ALTER TABLE "${table}" DISABLE TRIGGER "${name}"`);
  const done = await work();
  for (const [table, name] of each) await trx.raw(`ALTER TABLE "${table}" ENABLE TRIGGER "${name}"`);
  return done;
}
