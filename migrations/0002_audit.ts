import type { Knex } from 'knex';

/**
 * The audit trail: append-only, each row carrying the SHA-256 of itself and the row before. PostgreSQL does the
 * chaining and the refusing, so that no program, psql included, can append wrongly or change anything unnoticed.
 */
export async function up(knex: Knex): Promise<void> {
  const { rows } = await knex.raw('SELECT quote_ident(current_schema()) AS schema');
  const schema: string = rows[0].schema;
  await knex.raw(`
    CREATE TABLE audit_event (
      seq bigint PRIMARY KEY,
      at timestamptz NOT NULL,
      event text NOT NULL,
      -- PS3.15 A.5.2 EventID (DCM), EventActionIndicator, EventOutcomeIndicator.
      event_code text NOT NULL,
      event_meaning text NOT NULL,
      action text NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
      outcome integer NOT NULL CHECK (outcome IN (0, 4, 8, 12)),
      actor text NOT NULL,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      detail jsonb NOT NULL DEFAULT '{}',
      prev_hash text NOT NULL,
      hash text NOT NULL
    );
    CREATE INDEX audit_event_by_subject ON audit_event (subject_type, subject_id, seq);

    -- The text that is hashed: a JSON array, which no choice of values can make ambiguous.
    CREATE FUNCTION audit_canonical(e audit_event) RETURNS text LANGUAGE sql STABLE AS $$
      SELECT jsonb_build_array(
        e.seq, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.event, e.event_code,
        e.event_meaning, e.action, e.outcome, e.actor, e.subject_type, e.subject_id, e.detail, e.prev_hash)::text
    $$;

    CREATE FUNCTION audit_hash(e audit_event) RETURNS text LANGUAGE sql STABLE AS $$
      SELECT encode(sha256(convert_to(audit_canonical(e), 'UTF8')), 'hex')
    $$;

    -- Appenders queue for the lock and keep it until they commit; only then can the next one see its predecessor.
    -- SECURITY DEFINER: a role that may only INSERT must be able to find the last row, and with a path of its own, or
    -- that role could put a temporary table in the trail's place.
    CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = pg_catalog, ${schema}, pg_temp AS $$
    DECLARE
      head record;
    BEGIN
      PERFORM pg_advisory_xact_lock(1128354883, 0);
      SELECT seq, hash INTO head FROM audit_event ORDER BY seq DESC LIMIT 1;
      NEW.seq := coalesce(head.seq, 0) + 1;
      NEW.at := clock_timestamp();
      NEW.prev_hash := coalesce(head.hash, repeat('0', 64));
      NEW.hash := audit_hash(NEW);
      RETURN NEW;
    END
    $$;

    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END
    $$;

    CREATE TRIGGER audit_chain BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_chain();
    CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
      FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
    -- ALWAYS: also in a session that calls itself a replica.
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_chain;
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_refuse;

    CREATE FUNCTION audit_first_bad_row() RETURNS TABLE (seq bigint, problem text) LANGUAGE sql STABLE AS $$
      SELECT walk.seq, walk.problem FROM (
        SELECT e.seq, CASE
          WHEN e.seq <> coalesce(lag(e.seq) OVER chain, 0) + 1 THEN 'a row before it is missing'
          WHEN e.prev_hash <> coalesce(lag(e.hash) OVER chain, repeat('0', 64)) THEN 'does not follow the row before it'
          WHEN e.hash <> audit_hash(e) THEN 'its content does not match its hash'
        END AS problem
        FROM audit_event e WINDOW chain AS (ORDER BY e.seq)
      ) walk WHERE walk.problem IS NOT NULL ORDER BY walk.seq LIMIT 1
    $$;

    -- A site that runs its own server grants this role to a login that may write the trail and nothing else in it.
    -- Roles belong to the server, not the database, so it may be there already; without CREATEROLE it is left out.
    DO $$
    BEGIN
      CREATE ROLE calcidisc_audit_writer NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'no right to create the role calcidisc_audit_writer: create it to separate audit writing';
    END
    $$;
    DO $$
    BEGIN
      GRANT INSERT ON audit_event TO calcidisc_audit_writer;
    EXCEPTION
      WHEN undefined_object THEN NULL;
    END
    $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
