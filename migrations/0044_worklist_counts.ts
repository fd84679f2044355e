import type { Knex } from 'knex';

/**
 * How many cases there are of each kind that the worklist counts, kept as sums: a few thousand rows where the entries are
 * hundreds of thousands. A change is added as a row of its own and never written into one that another transaction may
 * hold; foldCounts sums them up (db/views/worklistCounts.ts).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE worklist_count (
      state text NOT NULL,
      site text NOT NULL,
      scanner text NOT NULL,
      pairing_outcome text,
      -- As in worklist_entry; the other flags by whether they hold at any level.
      calcified text[] NOT NULL,
      is_unstated boolean NOT NULL,
      is_differing boolean NOT NULL,
      is_uncertain boolean NOT NULL,
      n integer NOT NULL
    );
    ${trigger('insert', kinds('come', 1), 'NEW TABLE AS come')}
    ${trigger('update', `${kinds('gone', -1)} UNION ALL ${kinds('come', 1)}`, 'OLD TABLE AS gone NEW TABLE AS come')}
    ${trigger('delete', kinds('gone', -1), 'OLD TABLE AS gone')}

    -- For who has filled worklist_entry past its triggers.
    CREATE FUNCTION worklist_recount() RETURNS void LANGUAGE sql AS $$
      DELETE FROM worklist_count;
      INSERT INTO worklist_count ${summed(kinds('worklist_entry', 1))};
    $$;
    SELECT worklist_recount();
  `);
}

function kinds(from: string, n: 1 | -1): string {
  return `SELECT state, site, scanner, pairing_outcome, calcified, unstated <> '{}' AS is_unstated,
                 false_positive <> '{}' OR false_negative <> '{}' AS is_differing,
                 coalesce(locate_status <> 'located', false) AS is_uncertain, ${n} AS n FROM ${from}`;
}

function summed(rows: string): string {
  return `SELECT state, site, scanner, pairing_outcome, calcified, is_unstated, is_differing, is_uncertain, sum(n)
            FROM (${rows}) changed GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0`;
}

function trigger(what: 'insert' | 'update' | 'delete', rows: string, tables: string): string {
  return `
    CREATE FUNCTION worklist_counted_${what}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO worklist_count ${summed(rows)};
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_count_${what} AFTER ${what.toUpperCase()} ON worklist_entry REFERENCING ${tables}
      FOR EACH STATEMENT EXECUTE FUNCTION worklist_counted_${what}();`;
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
