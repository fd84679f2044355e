import type { Knex } from 'knex';

/** What PostgreSQL itself says of our schema: whatever tables a version has, a backup has them all. */
export interface Table {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Which migrations have run is in the manifest: a restore runs them again. */
const BOOKKEEPING = ['schema_migration', 'schema_migration_lock'];

export async function listTables(trx: Knex): Promise<Table[]> {
  const { rows } = await trx.raw(
    `SELECT c.relname AS name, json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
              ORDER BY a.attnum) AS columns
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                        AND a.attgenerated = ''
      WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> ALL (:names)
      GROUP BY c.relname ORDER BY c.relname`,
    { names: BOOKKEEPING },
  );
  return rows;
}

export interface Statement {
  readonly undo: string;
  readonly redo: string;
}

/** Foreign keys, to be taken away while tables are filled in any order, and put back, which checks every row. */
export async function listForeignKeys(trx: Knex): Promise<Statement[]> {
  const { rows } = await trx.raw(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS undo,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS redo
       FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace`,
  );
  return rows;
}

/** Our triggers, each to be put back as it was: the audit trail's fire always. */
export async function listTriggers(trx: Knex): Promise<Statement[]> {
  const { rows } = await trx.raw(
    `SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) AS undo,
            format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass,
                   CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA'
                                  WHEN 'D' THEN 'DISABLE' ELSE 'ENABLE' END, tgname) AS redo
       FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace`,
  );
  return rows;
}

export interface Sequence {
  readonly name: string;
  readonly lastValue: number | null;
}

export async function listSequences(trx: Knex): Promise<Sequence[]> {
  const { rows } = await trx.raw(
    `SELECT sequencename AS name, last_value FROM pg_sequences
      WHERE schemaname = current_schema() AND sequencename NOT LIKE 'schema_migration%' ORDER BY sequencename`,
  );
  return rows;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
