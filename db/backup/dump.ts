import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Knex } from 'knex';
import { migrationState } from '../server/migrate.js';
import { type AuditHead, headHash } from '../tables/audit.js';
import { listSequences, listTables, quoted, type Sequence, type Table } from './catalogue.js';

/** One table's file: a line for each row, a JSON array of its columns as PostgreSQL writes them, gzipped. */
export interface TableDump {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** Of the lines, not of the file. */
  readonly sha256: string;
}

export interface DatabaseDump {
  readonly serverVersion: string;
  /** That had run, in order. */
  readonly migrations: readonly string[];
  readonly tables: readonly TableDump[];
  readonly sequences: readonly Sequence[];
  readonly auditHead: AuditHead;
}

const ROWS_AT_ONCE = 200;

/**
 * All rows of one moment, while the service goes on: one snapshot over all tables. Values are PostgreSQL's own text
 * for them, which it reads back to the same bits.
 */
export function dumpDatabase(knex: Knex, folder: string): Promise<DatabaseDump> {
  return knex.transaction(
    async (trx) => {
      await trx.raw(EXACT_TEXT);
      const { rows } = await trx.raw("SELECT current_setting('server_version') AS version");
      const tables: TableDump[] = [];
      for (const table of await listTables(trx)) tables.push(await dumpTable(trx, table, folder));
      return {
        serverVersion: rows[0].version,
        migrations: (await migrationState(trx)).applied,
        tables,
        sequences: await listSequences(trx),
        auditHead: await headHash(trx),
      };
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

/** The same text whatever the account's or the server's own settings are. */
export const EXACT_TEXT =
  "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; " +
  "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'";

export function tableFile(folder: string, name: string): string {
  return join(folder, `${name}.jsonl.gz`);
}

async function dumpTable(trx: Knex, { name, columns }: Table, folder: string): Promise<TableDump> {
  const hash = createHash('sha256');
  let count = 0;
  const texts = columns.map((column) => `${quoted(column.name)}::text`).join(', ');
  await trx.raw(
    `DECLARE dumped NO SCROLL CURSOR FOR SELECT to_json(ARRAY[${texts}])::text AS line FROM ONLY ${quoted(name)}`,
  );
  async function* lines() {
    for (;;) {
      const { rows } = await trx.raw(`FETCH ${ROWS_AT_ONCE} FROM dumped`);
      if (rows.length === 0) return;
      const text = rows.map(({ line }: { line: string }) => `${line}\n`).join('');
      hash.update(text);
      count += rows.length;
      yield text;
    }
  }
  await pipeline(
    Readable.from(lines()),
    createGzip(),
    createWriteStream(tableFile(folder, name), { flags: 'wx' }),
  );
  await trx.raw('CLOSE dumped');
  return { name, columns: columns.map((column) => column.name), rows: count, sha256: hash.digest('hex') };
}
