import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Processes ------------------------------------------------------------------------------------------------
    -- Every agent and worker holds the session advisory lock (1128354883, its own number) on a connection of its
    -- own (db/server/presence.ts), so PostgreSQL itself says who is alive: a killed process has let go of it at once.
    CREATE FUNCTION process_is_alive(owner integer) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 1128354883::oid AND objid = owner::oid AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    $$;

    -- Receiving ------------------------------------------------------------------------------------------------
    CREATE TABLE association (
      id uuid PRIMARY KEY,
      calling_ae text NOT NULL,
      called_ae text NOT NULL,
      remote_address text NOT NULL,
      opened_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz,
      -- 'lost': the agent died while it was open
      ended_how text CHECK (ended_how IN ('released', 'aborted', 'timed-out', 'lost')),
      -- The process it is open in.
      owner integer NOT NULL
    );
    CREATE INDEX association_open ON association (opened_at) WHERE ended_at IS NULL;

    CREATE TABLE study (
      study_instance_uid text PRIMARY KEY,
      patient_id text NOT NULL DEFAULT '',
      issuer_of_patient_id text NOT NULL DEFAULT '',
      patient_name text NOT NULL DEFAULT '',
      patient_birth_date date,
      patient_sex text NOT NULL DEFAULT '',
      study_id text NOT NULL DEFAULT '',
      accession_number text NOT NULL DEFAULT '',
      study_date date,
      study_time text NOT NULL DEFAULT '',
      study_description text NOT NULL DEFAULT '',
      referring_physician_name text NOT NULL DEFAULT '',
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX study_by_patient ON study (patient_id, issuer_of_patient_id);
    CREATE INDEX study_by_accession ON study (accession_number) WHERE accession_number <> '';

    CREATE TABLE series (
      series_instance_uid text PRIMARY KEY,
      study_instance_uid text NOT NULL REFERENCES study,
      modality text NOT NULL,
      series_number integer,
      series_description text NOT NULL DEFAULT '',
      protocol_name text NOT NULL DEFAULT '',
      body_part_examined text NOT NULL DEFAULT '',
      acquisition_date date,
      frame_of_reference_uid text,
      -- What the routing rules see (docs/routing.md): orientation, weighting, region and the keywords they came from.
      attributes jsonb NOT NULL DEFAULT '{}',
      state text NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'complete')),
      complete_reason text CHECK (complete_reason IN ('counted', 'released-stack', 'quiet')),
      completed_at timestamptz,
      role text NOT NULL DEFAULT 'undecided' CHECK (role IN ('undecided', 'mr', 'ct', 'ignored')),
      role_reason text NOT NULL DEFAULT '',
      expected_instances integer,
      -- How often the series was reopened by a late image.
      reopened integer NOT NULL DEFAULT 0,
      first_received_at timestamptz NOT NULL DEFAULT now(),
      last_received_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX series_by_study ON series (study_instance_uid);
    CREATE INDEX series_receiving ON series (last_received_at) WHERE state = 'receiving';

    CREATE TABLE instance (
      sop_instance_uid text PRIMARY KEY,
      series_instance_uid text NOT NULL REFERENCES series,
      sop_class_uid text NOT NULL,
      transfer_syntax_uid text NOT NULL,
      instance_number integer,
      -- Position along the stack's normal, millimetres; null when the object carries no plane (or is multi-frame).
      slice_position_mm double precision,
      -- Relative to the data folder.
      spool_path text NOT NULL,
      size_bytes bigint NOT NULL,
      -- Of the data set as it came, without preamble and file meta information.
      dataset_sha256 text NOT NULL,
      calling_ae text NOT NULL,
      association_id uuid REFERENCES association,
      received_at timestamptz NOT NULL DEFAULT now(),
      duplicates integer NOT NULL DEFAULT 0
    );
    CREATE INDEX instance_by_series ON instance (series_instance_uid);
    CREATE INDEX instance_by_association ON instance (association_id);

    -- Cases ----------------------------------------------------------------------------------------------------
    CREATE TABLE "case" (
      id uuid PRIMARY KEY,
      mr_series_instance_uid text NOT NULL UNIQUE REFERENCES series,
      mr_study_instance_uid text NOT NULL REFERENCES study,
      state text NOT NULL DEFAULT 'received'
        CHECK (state IN ('received', 'paired', 'located', 'classified', 'reported', 'delivered', 'parked')),
      revision integer NOT NULL DEFAULT 1 CHECK (revision > 0),
      revision_reason text NOT NULL DEFAULT 'first reading',
      -- The state a parked case goes back to when a person says so.
      parked_from text,
      -- Counted when a step starts, so that a step that kills its process is parked too.
      attempts integer NOT NULL DEFAULT 0,
      -- While a step runs: when its lease ends.
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      -- The process whose step is running (process_is_alive); null between steps.
      owner integer,
      last_error_code text,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      state_since timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX case_due ON "case" (next_attempt_at) WHERE state NOT IN ('delivered', 'parked');
    CREATE INDEX case_by_study ON "case" (mr_study_instance_uid);
    CREATE INDEX case_by_age ON "case" (created_at DESC);

    CREATE TABLE pairing (
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      ct_series_instance_uid text REFERENCES series,
      mr_acquisition_date date,
      ct_acquisition_date date,
      -- CT minus MR, calendar days.
      interval_days integer,
      -- 'paired', or why there is no CT: 'no-ct', 'outside-window', 'no-date', 'no-patient-id'
      outcome text NOT NULL,
      -- Every CT series of the patient that was weighed, with its verdict.
      candidates jsonb NOT NULL DEFAULT '[]',
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (case_id, revision)
    );

    -- Locating -------------------------------------------------------------------------------------------------
    CREATE TABLE localisation (
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      modality text NOT NULL CHECK (modality IN ('MR', 'CT')),
      series_instance_uid text NOT NULL REFERENCES series,
      status text NOT NULL CHECK (status IN ('located', 'uncertain', 'not-found')),
      reasons jsonb NOT NULL DEFAULT '[]',
      slice_sop_instance_uid text,
      slice_index integer,
      slice_count integer,
      slice_png bytea,
      -- [row spacing, column spacing]
      pixel_spacing_mm jsonb,
      localiser_name text NOT NULL,
      localiser_version text NOT NULL,
      localiser_sha256 text NOT NULL,
      milliseconds double precision NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (case_id, revision, modality)
    );

    CREATE TABLE disc_region (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      sop_instance_uid text NOT NULL,
      centre_patient_mm jsonb NOT NULL,
      centre_pixel jsonb NOT NULL,
      roi_pixel jsonb NOT NULL,
      margin_mm double precision NOT NULL,
      confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
      -- Exactly what the classifier sees: 224 by 224, 8-bit grey.
      png bytea NOT NULL,
      png_sha256 text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (case_id, revision, level)
    );

    CREATE TABLE ct_measurement (
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      label text NOT NULL CHECK (label IN ('calcified', 'not-calcified', 'indeterminate')),
      mean_hu double precision,
      max_hu double precision,
      area_mm2 double precision NOT NULL,
      hu_low double precision NOT NULL,
      hu_high double precision NOT NULL,
      centre_patient_mm jsonb NOT NULL,
      centre_pixel jsonb NOT NULL,
      roi_pixel jsonb NOT NULL,
      confidence double precision NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (case_id, revision, level)
    );

    -- Classifying ----------------------------------------------------------------------------------------------
    CREATE TABLE model (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      version text NOT NULL,
      kind text NOT NULL CHECK (kind IN ('classifier', 'localiser')),
      sha256 text NOT NULL,
      -- Relative to the models folder.
      path text NOT NULL,
      card jsonb NOT NULL,
      state text NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'active', 'shadow', 'retired')),
      state_since timestamptz NOT NULL DEFAULT now(),
      UNIQUE (name, version)
    );
    -- One model decides.
    CREATE UNIQUE INDEX model_one_active ON model (kind) WHERE state = 'active';

    CREATE TABLE inference (
      id uuid PRIMARY KEY,
      disc_region_id uuid NOT NULL REFERENCES disc_region,
      model_id uuid NOT NULL REFERENCES model,
      role text NOT NULL CHECK (role IN ('active', 'shadow')),
      probability real NOT NULL CHECK (probability BETWEEN 0 AND 1),
      threshold real NOT NULL,
      calcified boolean NOT NULL,
      model_sha256 text NOT NULL,
      png_sha256 text NOT NULL,
      provider text NOT NULL,
      runtime text NOT NULL,
      batch_size integer NOT NULL,
      -- With the size: where the region stood. The last bits depend on both, so a replay needs both.
      batch_position integer NOT NULL,
      milliseconds double precision NOT NULL,
      -- Class activation map, 7 by 7 little-endian float32; null where the model has none.
      cam bytea,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (disc_region_id, model_id)
    );

    -- Reporting ------------------------------------------------------------------------------------------------
    CREATE TABLE report (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      sop_instance_uid text NOT NULL UNIQUE,
      series_instance_uid text NOT NULL,
      sop_class_uid text NOT NULL,
      predecessor_sop_instance_uid text,
      -- The whole DICOM file: a retry sends the same bytes.
      file bytea NOT NULL,
      file_sha256 text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (case_id, revision)
    );

    CREATE TABLE delivery (
      id uuid PRIMARY KEY,
      report_id uuid NOT NULL REFERENCES report,
      destination text NOT NULL,
      state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'stored', 'parked')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      -- The C-STORE status of the last answer, four hexadecimal digits.
      last_status text,
      last_error_code text,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      stored_at timestamptz,
      UNIQUE (report_id, destination)
    );
    CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 'pending';
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
