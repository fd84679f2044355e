import type { Knex } from 'knex';

/**
 * Reading belongs to the series, a case to the study: what was found in a series is kept with it, and a case chooses
 * among the series of its MR study.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What a complete series consists of: a digest of its objects; null while it is being received.
    ALTER TABLE series ADD COLUMN content_sha256 text;
    UPDATE series SET content_sha256 = (
      SELECT encode(sha256(convert_to(string_agg(sop_instance_uid || ' ' || dataset_sha256, E'\\n'
               ORDER BY sop_instance_uid), 'UTF8')), 'hex')
        FROM instance i WHERE i.series_instance_uid = series.series_instance_uid)
     WHERE state = 'complete';
    -- 'check': located to compare levels with the series that is read, never read itself.
    ALTER TABLE series DROP CONSTRAINT series_role_check;
    ALTER TABLE series ADD CONSTRAINT series_role_check CHECK (role IN ('undecided', 'mr', 'ct', 'check', 'ignored'));

    -- Readings -------------------------------------------------------------------------------------------------------
    -- What was found in one series: once for what it consists of, and for a reader (localiser, settings, version).
    CREATE TABLE series_reading (
      id uuid PRIMARY KEY,
      series_instance_uid text NOT NULL REFERENCES series,
      modality text NOT NULL CHECK (modality IN ('MR', 'CT')),
      content_sha256 text NOT NULL,
      reader_sha256 text NOT NULL,
      localiser_name text NOT NULL,
      localiser_version text NOT NULL,
      localiser_sha256 text NOT NULL,
      state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'reading', 'done', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The process that is at it (process_is_alive).
      owner integer,
      last_error_code text,
      last_error text,
      asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at timestamptz,
      -- As 'calcidisc locate --json' or 'calcidisc ct --json' prints it; null until it is done.
      result jsonb,
      slice_png bytea,
      -- [row spacing, column spacing]
      pixel_spacing_mm jsonb,
      milliseconds double precision,
      UNIQUE (series_instance_uid, content_sha256, reader_sha256),
      CHECK (state <> 'done' OR (result IS NOT NULL AND milliseconds IS NOT NULL))
    );
    CREATE INDEX series_reading_due ON series_reading (asked_at) WHERE state IN ('due', 'reading');

    -- The exact pictures a classifier would see, of an MR.
    CREATE TABLE series_reading_region (
      reading_id uuid NOT NULL REFERENCES series_reading,
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      png bytea NOT NULL,
      png_sha256 text NOT NULL,
      PRIMARY KEY (reading_id, level)
    );

    -- Choice ---------------------------------------------------------------------------------------------------------
    -- Which series of its study a revision reads, and what it says of the others.
    CREATE TABLE series_choice (
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      series_instance_uid text NOT NULL REFERENCES series,
      reading_id uuid NOT NULL REFERENCES series_reading,
      -- Every series of the study that may be read: facts, verdict and, in words, why.
      candidates jsonb NOT NULL,
      -- Whose levels agree in millimetres, and what speaks against the levels.
      agreement jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (case_id, revision)
    );
    ALTER TABLE pairing ADD COLUMN ct_reading_id uuid REFERENCES series_reading;

    -- One case for each study --------------------------------------------------------------------------------------
    ALTER TABLE "case" DROP CONSTRAINT case_mr_series_instance_uid_key;
    ALTER TABLE "case" DROP CONSTRAINT case_state_check;
    ALTER TABLE "case"
      ADD CONSTRAINT case_state_check CHECK (state IN
        ('received', 'paired', 'located', 'classified', 'reported', 'delivered', 'parked', 'closed')),
      -- The case of the same study that goes on in this one's place.
      ADD COLUMN joined_into uuid REFERENCES "case",
      -- What a step that was put off waits for, in words.
      ADD COLUMN waiting_for text,
      -- Why a closed case is closed, in words.
      ADD COLUMN closed_because text;
    DROP INDEX case_due;
    CREATE INDEX case_due ON "case" (next_attempt_at) WHERE state NOT IN ('delivered', 'parked', 'closed');
    CREATE INDEX case_joined ON "case" (joined_into) WHERE joined_into IS NOT NULL;
    -- What a report says, without when and by which revision: the next one goes out only when this differs.
    ALTER TABLE report ADD COLUMN answer_sha256 text;
    ${JOIN_CASES}
    ${BEGIN_AGAIN}
    CREATE UNIQUE INDEX case_of_study ON "case" (mr_study_instance_uid) WHERE joined_into IS NULL;
  `);
}

/**
 * Of the cases of one study the one stays that a PACS has a report of, then the oldest. The others point to it; their
 * reports stay where they are.
 */
const JOIN_CASES = `
    WITH ranked AS (
      SELECT c.id, c.state, first_value(c.id) OVER (
               PARTITION BY c.mr_study_instance_uid
               ORDER BY EXISTS (SELECT FROM report r JOIN delivery d ON d.report_id = r.id
                                 WHERE r.case_id = c.id AND d.state = 'stored') DESC, c.created_at, c.id) AS stays
        FROM "case" c),
    joined AS (
      UPDATE "case" SET joined_into = ranked.stays, state = 'closed', parked_from = NULL, owner = NULL,
             closed_because = 'joined with the other case of its study'
        FROM ranked WHERE ranked.id = "case".id AND ranked.stays <> ranked.id
      RETURNING "case".id, "case".revision, ranked.stays, ranked.state AS was)
    INSERT INTO audit_event (event, event_code, event_meaning, action, outcome, actor, subject_type, subject_id, detail)
      SELECT 'CASE_JOINED', '110100', 'Application Activity', 'U', 0, 'migration:0008', 'case', id::text,
             jsonb_build_object('from', was, 'to', 'closed', 'revision', revision, 'joinedInto', stays)
        FROM joined ORDER BY id;`;

/** What was between pairing and locating begins again: it has chosen no series yet, and nothing of it went out. */
const BEGIN_AGAIN = `
    DELETE FROM pairing p USING "case" c
     WHERE c.id = p.case_id AND c.revision = p.revision AND 'paired' IN (c.state, c.parked_from);
    WITH again AS (
      UPDATE "case" SET state = 'received', owner = NULL, attempts = 0, next_attempt_at = clock_timestamp()
       WHERE state = 'paired' RETURNING id, revision)
    INSERT INTO audit_event (event, event_code, event_meaning, action, outcome, actor, subject_type, subject_id, detail)
      SELECT 'CASE_MOVED', '110100', 'Application Activity', 'U', 0, 'migration:0008', 'case', id::text,
             jsonb_build_object('from', 'paired', 'to', 'received', 'revision', revision)
        FROM again ORDER BY id;
    UPDATE "case" SET parked_from = 'received' WHERE parked_from = 'paired';`;

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
