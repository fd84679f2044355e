import knexModule, { type Knex } from 'knex';
import pg from 'pg';

/** A connection pool or a transaction of it: what every statement in this room runs on. */
export type Tx = Knex | Knex.Transaction;

/** Opens a pool whose rows come and go with camelCase keys. */
export function createKnex(url: string, poolSize: number): Knex {
  return knexModule({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: 'calcidisc',
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      types: typeParsers,
      // knex hands the whole object to pg; its own type knows fewer of pg's options.
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: poolSize, afterCreate: noticeGoneHosts },
    acquireConnectionTimeout: 15_000,
    // knex prints what it also throws.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    wrapIdentifier: (name, wrap) => wrap(name === '*' ? name : snakeCase(name)),
    postProcessResponse: camelCaseRows,
  });
}

/**
 * The server has to notice a host that lost its power or its cable: TCP believes in it for two hours, and so long the
 * locks of its transactions would stay.
 */
export const NOTICE_GONE_HOSTS =
  'SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 20000';

function noticeGoneHosts(
  connection: pg.Client,
  done: (error: Error | null | undefined, connection: pg.Client) => void,
): void {
  void connection.query(NOTICE_GONE_HOSTS, (error) => done(error, connection));
}

/** A value for a jsonb column: pg would turn a JavaScript array into a PostgreSQL array. */
export function json(value: unknown): string {
  return JSON.stringify(value);
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Only the columns are renamed: keys inside a jsonb value are data. */
function camelCaseRows(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(camelCaseRow);
  if (isRow(result) && Array.isArray(result.rows)) return { ...result, rows: result.rows.map(camelCaseRow) };
  return isRow(result) ? camelCaseRow(result) : result;
}

function camelCaseRow(row: unknown): unknown {
  if (!isRow(row)) return row;
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [camelCase(key), value]));
}

function isRow(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Date) && !Buffer.isBuffer(value);
}

/**
 * A date has no hour and no time zone: as text it cannot shift by one. Sizes and sequence numbers stay below 2^53.
 * Set on our connections only, not on the pg module, which BullMQ shares.
 */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [pg.types.builtins.DATE]: (text) => text,
  [pg.types.builtins.INT8]: Number,
};

const typeParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return (format !== 'binary' && PARSERS[oid]) || pg.types.getTypeParser(oid, format);
  },
};
