import type { Knex } from 'knex';

/** What the FHIR read API looks results up by; tokens of programs that send by STOW-RS. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX result_by_patient ON result ((input->'patient'->>'id'));
    CREATE INDEX result_by_accession ON result ((input->'study'->>'accessionNumber'));
    CREATE INDEX result_by_mr_study ON result ((input->'study'->>'studyInstanceUid'));
    CREATE INDEX result_by_ct_study ON result ((input->'ct'->>'studyInstanceUid'));

    ALTER TABLE api_token DROP CONSTRAINT api_token_role_check;
    ALTER TABLE api_token ADD CONSTRAINT api_token_role_check
      CHECK (role IN ('administrator', 'auditor', 'radiologist', 'viewer', 'sender', 'monitor'));
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
