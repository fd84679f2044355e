import type { Knex } from 'knex';

/**
 * What readers say of our reports with the tools they have: a Structured Report by somebody else whose predecessor, or
 * whose measurements, are ours. A verdict is a reader's word about one disc and nobody's truth. Rows are added and
 * never changed.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE reader_verdict (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case" (id),
      -- The report that it speaks of.
      report_id uuid NOT NULL REFERENCES report (id),
      -- The reader's document.
      sop_instance_uid text NOT NULL,
      dataset_sha256 text NOT NULL,
      -- The disc as our report names it; null: a box that is none of ours.
      disc text CHECK (disc IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      verdict text NOT NULL CHECK (verdict IN ('confirmed', 'rejected', 'removed', 'unclear', 'added')),
      -- What the reader says of the disc; null where that cannot be told.
      answer text CHECK (answer IN ('calcified', 'not-calcified')),
      -- The level that the reader gives it, where it is another than ours.
      level text CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      -- Where the reader drew it, where that is elsewhere: left, top, right, bottom of the image (PS3.3 C.18.6).
      box jsonb,
      words text NOT NULL,
      -- As the document names its observer; '' where it names nobody.
      reader text NOT NULL,
      calling_ae text NOT NULL,
      received_at timestamptz NOT NULL,
      heard_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX reader_verdict_of_case ON reader_verdict (case_id, received_at DESC);
    -- When a document was looked at for a reader's word.
    ALTER TABLE unread_object ADD COLUMN heard_at timestamptz;
    CREATE INDEX unread_object_unheard ON unread_object (received_at) WHERE heard_at IS NULL AND dropped_at IS NULL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
