import type { Knex } from 'knex';

/**
 * Reader studies: a chosen set of regions that named people read blinded, each in an order of their own, and a joint
 * answer where they differ. The truth of each region is kept as it was when the set was chosen.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE reading_study (
      id uuid PRIMARY KEY,
      name text NOT NULL UNIQUE CHECK (name <> ''),
      -- Of the choice, and of each reader's order.
      seed integer NOT NULL,
      -- As many calcified as not, by the CT.
      is_stratified boolean NOT NULL,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      closed_at timestamptz
    );
    CREATE TABLE reading_item (
      study_id uuid NOT NULL REFERENCES reading_study,
      number integer NOT NULL,
      disc_region_id uuid NOT NULL REFERENCES disc_region,
      case_id uuid NOT NULL REFERENCES "case",
      level text NOT NULL,
      -- By the CT when it was chosen.
      ct boolean,
      PRIMARY KEY (study_id, number)
    );
    CREATE TABLE reading_reader (
      study_id uuid NOT NULL REFERENCES reading_study,
      account_id uuid NOT NULL REFERENCES account,
      name text NOT NULL,
      PRIMARY KEY (study_id, account_id)
    );
    CREATE TABLE reading_answer (
      study_id uuid NOT NULL,
      number integer NOT NULL,
      -- Null: what the readers agreed on together.
      account_id uuid REFERENCES account,
      calcified boolean NOT NULL,
      confidence integer NOT NULL CHECK (confidence BETWEEN 1 AND 5),
      answered_by text NOT NULL,
      answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      FOREIGN KEY (study_id, number) REFERENCES reading_item,
      FOREIGN KEY (study_id, account_id) REFERENCES reading_reader,
      UNIQUE NULLS NOT DISTINCT (study_id, number, account_id)
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
