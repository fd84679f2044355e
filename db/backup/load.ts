import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Knex } from 'knex';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { migrate, migrateTo } from '../server/migrate.js';
import { walkAudit } from '../tables/audit.js';
import { listForeignKeys, listTables, listTriggers, quoted, type Table } from './catalogue.js';
import { type DatabaseDump, EXACT_TEXT, type TableDump, tableFile } from './dump.js';

const BYTES_AT_ONCE = 4 << 20;

/**
 * Fills an empty database: the migrations that had run, the rows as they were, then the migrations that came since.
 * All rows or none; the audit chain is walked before they count.
 * @throws CalcidiscError BACKUP_INVALID when a file is not the one that was written, DATABASE_OTHER_VERSION
 */
export async function loadDatabase(knex: Knex, dump: DatabaseDump, folder: string): Promise<void> {
  if ((await listTables(knex)).length > 0)
    throw new CalcidiscError(
      'FOLDER_IN_USE',
      'the database has tables already: a backup is restored into an empty one (another database, another data folder)',
    );
  await migrateTo(knex, dump.migrations);
  await knex.transaction((trx) => fill(trx, dump, folder));
  await migrate(knex);
}

async function fill(trx: Knex, dump: DatabaseDump, folder: string): Promise<void> {
  await trx.raw(EXACT_TEXT);
  const tables = new Map((await listTables(trx)).map((table) => [table.name, table]));
  const held = [...(await listTriggers(trx)), ...(await listForeignKeys(trx))];
  for (const { undo } of held) await trx.raw(undo);
  // A migration's own first rows (the installation's number) give way to those of the backup.
  for (const name of tables.keys()) await trx.raw(`DELETE FROM ${quoted(name)}`);
  for (const table of dump.tables) await fillTable(trx, table, tables.get(table.name), folder);
  for (const { redo } of held.toReversed()) await trx.raw(redo);
  for (const { name, lastValue } of dump.sequences)
    if (lastValue !== null) await trx.raw('SELECT setval(?::regclass, ?)', [quoted(name), lastValue]);
  const verdict = await walkAudit(trx, dump.auditHead.seq > 0 ? dump.auditHead : undefined);
  if (!verdict.ok) throw invalid(`the audit trail is not whole: row ${verdict.seq}, ${verdict.problem}`);
}

async function fillTable(
  trx: Knex,
  dump: TableDump,
  table: Table | undefined,
  folder: string,
): Promise<void> {
  const types = dump.columns.map((name) => table?.columns.find((column) => column.name === name)?.type);
  if (!table || types.includes(undefined)) throw invalid(`the schema has no table ${dump.name} as it was`);
  const values = types.map((type, i) => `(value->>${i})::${type}`).join(', ');
  const insert = `INSERT INTO ${quoted(dump.name)} (${dump.columns.map(quoted).join(', ')})
                  SELECT ${values} FROM jsonb_array_elements(?::jsonb) AS line(value)`;
  const hash = createHash('sha256');
  let rows = 0;
  let batch: string[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length > 0) await trx.raw(insert, [`[${batch.join(',')}]`]);
    batch = [];
    bytes = 0;
  };
  for await (const line of linesOf(tableFile(folder, dump.name))) {
    hash.update(`${line}\n`);
    rows++;
    batch.push(line);
    bytes += line.length;
    if (bytes >= BYTES_AT_ONCE) await flush();
  }
  await flush();
  if (rows !== dump.rows || hash.digest('hex') !== dump.sha256)
    throw invalid(`${tableFile(folder, dump.name)} is not the file that was written`);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const unzipped = createReadStream(file).pipe(createGunzip());
  try {
    yield* createInterface({ input: unzipped, crlfDelay: Infinity });
  } catch (cause) {
    throw invalid(`${file} cannot be read: ${(cause as Error).message}`);
  }
}

function invalid(message: string): CalcidiscError {
  return new CalcidiscError('BACKUP_INVALID', message);
}
