import type { Knex } from 'knex';

/** What is wrong with a site for a time, told to destinations when it begins and when it is over. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE alarm_episode (
      id uuid PRIMARY KEY,
      -- What is wrong where: 'condition|receiving|agent-1', 'quality|scanner|figure|rule|day'.
      alarm text NOT NULL,
      words text NOT NULL,
      began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at timestamptz
    );
    CREATE UNIQUE INDEX alarm_episode_open ON alarm_episode (alarm) WHERE ended_at IS NULL;
    CREATE INDEX alarm_episode_of_alarm ON alarm_episode (alarm, began_at DESC);

    ALTER TABLE notice
      ALTER COLUMN case_id DROP NOT NULL,
      ALTER COLUMN revision DROP NOT NULL,
      ADD COLUMN alarm_id uuid REFERENCES alarm_episode,
      DROP CONSTRAINT notice_kind_check,
      ADD CONSTRAINT notice_kind_check CHECK (kind IN ('parked', 'withdrawn', 'alarm', 'alarm-over')),
      ADD CONSTRAINT notice_of_case_or_alarm CHECK ((alarm_id IS NULL) = (kind IN ('parked', 'withdrawn'))
                                                    AND (case_id IS NULL) = (alarm_id IS NOT NULL));
    CREATE UNIQUE INDEX notice_of_alarm ON notice (alarm_id, kind, destination) WHERE alarm_id IS NOT NULL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
