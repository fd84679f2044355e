import type { Knex } from 'knex';

/**
 * The beginning of the trail may go by policy, once it is written to a file: a row AUDIT_PURGED in the chain says how far,
 * where to, and by which hash. Nothing else lets a row go, and what is left is walked from there on.
 */
export async function up(knex: Knex): Promise<void> {
  const { rows } = await knex.raw('SELECT quote_ident(current_schema()) AS schema');
  const schema: string = rows[0].schema;
  await knex.raw(`
    CREATE INDEX audit_event_purged ON audit_event (seq) WHERE event = 'AUDIT_PURGED';

    -- A row goes only when a later row of the chain says that it was written out, and that it was old enough.
    CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql
      SET search_path = pg_catalog, ${schema}, pg_temp AS $$
    BEGIN
      IF EXISTS (SELECT FROM audit_event a WHERE a.event = 'AUDIT_PURGED' AND a.seq > OLD.seq
                  AND (a.detail->>'through')::bigint >= OLD.seq
                  AND OLD.at < a.at - (a.detail->>'days')::double precision * interval '1 day') THEN
        RETURN OLD;
      END IF;
      RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END
    $$;
    DROP TRIGGER audit_refuse ON audit_event;
    CREATE TRIGGER audit_refuse BEFORE UPDATE OR TRUNCATE ON audit_event
      FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_keep BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_keep();
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_refuse;
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_keep;

    CREATE OR REPLACE FUNCTION audit_first_bad_row() RETURNS TABLE (seq bigint, problem text) LANGUAGE sql STABLE AS $$
      WITH purged AS MATERIALIZED (
        SELECT (detail->>'through')::bigint AS through, detail->>'throughHash' AS hash
          FROM audit_event WHERE event = 'AUDIT_PURGED'),
      walked AS (
        SELECT e.seq, e.prev_hash, e.hash, audit_hash(e) AS computed,
               lag(e.seq) OVER chain AS seq_before, lag(e.hash) OVER chain AS hash_before
          FROM audit_event e WINDOW chain AS (ORDER BY e.seq))
      SELECT walk.seq, walk.problem FROM (
        SELECT w.seq, CASE
          WHEN w.seq_before IS NULL AND w.seq > 1 AND NOT EXISTS (SELECT FROM purged p WHERE p.through >= w.seq - 1)
            THEN 'a row before it is missing'
          WHEN w.seq_before IS NULL AND w.seq > 1 AND EXISTS (
            SELECT FROM purged p WHERE p.through = w.seq - 1 AND p.hash <> w.prev_hash)
            THEN 'does not follow the rows that were written out and deleted'
          WHEN w.seq_before IS NULL AND w.seq = 1 AND w.prev_hash <> repeat('0', 64)
            THEN 'does not follow the row before it'
          WHEN w.seq <> w.seq_before + 1 THEN 'a row before it is missing'
          WHEN w.prev_hash <> w.hash_before THEN 'does not follow the row before it'
          WHEN w.hash <> w.computed THEN 'its content does not match its hash'
          WHEN p.hash <> w.hash THEN 'is not the row that was written out'
        END AS problem
        FROM walked w LEFT JOIN purged p ON p.through = w.seq
      ) walk WHERE walk.problem IS NOT NULL ORDER BY walk.seq LIMIT 1
    $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
