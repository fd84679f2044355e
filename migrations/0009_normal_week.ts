import type { Knex } from 'knex';

/** What a person decides about identities; what is kept unread, set aside or refused; how senders send. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Identities -----------------------------------------------------------------------------------------------------
    ALTER TABLE study_identity ADD COLUMN patient_sex text NOT NULL DEFAULT '';
    UPDATE study_identity SET patient_sex = s.patient_sex FROM study s
     WHERE s.study_instance_uid = study_identity.study_instance_uid;
    DROP INDEX study_identity_once;
    CREATE UNIQUE INDEX study_identity_once ON study_identity (study_instance_uid, patient_id, issuer_of_patient_id,
      patient_name, coalesce(patient_birth_date, '-infinity'), patient_sex);

    -- What a person said of a doubt; the newest of two studies counts.
    CREATE TABLE identity_decision (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case",
      study_instance_uid text NOT NULL REFERENCES study,
      -- The same study: about what its own images say.
      other_study_instance_uid text NOT NULL REFERENCES study,
      verdict text NOT NULL CHECK (verdict IN ('same', 'different', 'released')),
      -- The ways to name the patient that it was about; one that comes later is a new doubt.
      identity_ids uuid[] NOT NULL,
      reason text NOT NULL,
      decided_by text NOT NULL,
      decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX identity_decision_by_study ON identity_decision (study_instance_uid, decided_at);

    -- Receiving ------------------------------------------------------------------------------------------------------
    -- What a header says of the images around it (agent/dicom/extent.ts).
    ALTER TABLE instance ADD COLUMN extent jsonb;
    -- What was still missing, by the headers, when silence completed the series; '' when nothing was.
    ALTER TABLE series ADD COLUMN missing text NOT NULL DEFAULT '',
      -- Why it was reopened last, in words; '' for images that came late.
      ADD COLUMN reopen_reason text NOT NULL DEFAULT '';
    -- Of a file that another header has replaced only its own header is kept after a while: the pixels are the same.
    ALTER TABLE instance_before ADD COLUMN cut_at timestamptz;

    -- How a sender sends: the longest it lately left between two associations, or images, of one series.
    CREATE TABLE sender_pace (
      calling_ae text PRIMARY KEY,
      gap_ms double precision NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );

    -- Objects of classes that are not read: kept as sent while there is room, and nothing hangs on them.
    CREATE TABLE unread_object (
      sop_instance_uid text PRIMARY KEY,
      sop_class_uid text NOT NULL,
      -- As its header says; '' where it says nothing that could be read.
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      modality text NOT NULL,
      series_description text NOT NULL,
      transfer_syntax_uid text NOT NULL,
      -- Relative to the data folder.
      spool_path text NOT NULL,
      size_bytes bigint NOT NULL,
      dataset_sha256 text NOT NULL,
      calling_ae text NOT NULL,
      received_at timestamptz NOT NULL,
      -- Its file had to make room for newer ones.
      dropped_at timestamptz
    );
    CREATE INDEX unread_object_by_study ON unread_object (study_instance_uid);
    CREATE INDEX unread_object_kept ON unread_object (received_at) WHERE dropped_at IS NULL;

    -- Other objects under a known SOP Instance UID: set aside, for a person.
    CREATE TABLE object_aside (
      id uuid PRIMARY KEY,
      sop_instance_uid text NOT NULL,
      study_instance_uid text NOT NULL,
      series_instance_uid text NOT NULL,
      dataset_sha256 text NOT NULL,
      calling_ae text NOT NULL,
      reason text NOT NULL,
      received_at timestamptz NOT NULL,
      UNIQUE (sop_instance_uid, dataset_sha256)
    );
    CREATE INDEX object_aside_by_study ON object_aside (study_instance_uid);

    -- What was not accepted, by sender and kind.
    CREATE TABLE refusal (
      what text NOT NULL CHECK (what IN ('association', 'context', 'object')),
      calling_ae text NOT NULL,
      -- Of a context or an object; '' of an association.
      sop_class_uid text NOT NULL,
      status text NOT NULL,
      count bigint NOT NULL,
      -- The last one's, in words.
      reason text NOT NULL,
      remote_address text NOT NULL,
      first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (what, calling_ae, sop_class_uid, status)
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
