import type { Knex } from 'knex';

/** Storage commitment for our reports, and whose images a study's are by what each of them says. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- 'none': not asked for; 'due': to be asked for; 'requested': asked, no answer yet; 'resending': the destination
    -- does not have the report after all, and it is sent again; 'failed': commitment_error says why.
    ALTER TABLE delivery
      ADD COLUMN commitment text NOT NULL DEFAULT 'none'
        CHECK (commitment IN ('none', 'due', 'requested', 'resending', 'committed', 'failed')),
      -- Requests since the report was stored last, and how often it was sent again.
      ADD COLUMN commitment_attempts integer NOT NULL DEFAULT 0,
      ADD COLUMN commitment_resends integer NOT NULL DEFAULT 0,
      -- When it is asked for (again).
      ADD COLUMN commitment_due_at timestamptz,
      ADD COLUMN commitment_error text,
      ADD COLUMN committed_at timestamptz;
    CREATE INDEX delivery_commitment_due ON delivery (commitment_due_at) WHERE commitment IN ('due', 'requested');

    -- Every request has a transaction UID of its own (PS3.4 J.3.2); a late answer to an early one still counts.
    CREATE TABLE commitment_request (
      transaction_uid text PRIMARY KEY,
      delivery_id uuid NOT NULL REFERENCES delivery,
      asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      answered_at timestamptz,
      answer text CHECK (answer IN ('committed', 'failed')),
      -- FailureReason, four hexadecimal digits (PS3.3 C.14.1.1).
      failure_reason text
    );
    CREATE INDEX commitment_request_by_delivery ON commitment_request (delivery_id);

    -- Identities ---------------------------------------------------------------------------------------------------
    -- Each way the images of a study name their patient. One row is the rule; a merge in the PACS makes two.
    CREATE TABLE study_identity (
      id uuid PRIMARY KEY,
      study_instance_uid text NOT NULL REFERENCES study,
      patient_id text NOT NULL,
      issuer_of_patient_id text NOT NULL,
      patient_name text NOT NULL,
      patient_birth_date date,
      first_received_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE UNIQUE INDEX study_identity_once ON study_identity (study_instance_uid, patient_id, issuer_of_patient_id,
      patient_name, coalesce(patient_birth_date, '-infinity'));
    INSERT INTO study_identity
      SELECT gen_random_uuid(), study_instance_uid, patient_id, issuer_of_patient_id, patient_name,
             patient_birth_date, created_at FROM study;

    ALTER TABLE instance ADD COLUMN identity_id uuid REFERENCES study_identity;
    UPDATE instance SET identity_id = i.id
      FROM series s JOIN study_identity i USING (study_instance_uid)
     WHERE s.series_instance_uid = instance.series_instance_uid;
    CREATE INDEX instance_by_identity ON instance (identity_id);

    -- What an instance was before it came again under another identity: the file stays where it lies.
    CREATE TABLE instance_before (
      id uuid PRIMARY KEY,
      sop_instance_uid text NOT NULL REFERENCES instance,
      identity_id uuid REFERENCES study_identity,
      transfer_syntax_uid text NOT NULL,
      spool_path text NOT NULL,
      size_bytes bigint NOT NULL,
      dataset_sha256 text NOT NULL,
      calling_ae text NOT NULL,
      received_at timestamptz NOT NULL,
      replaced_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX instance_before_by_instance ON instance_before (sop_instance_uid);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
