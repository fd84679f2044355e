import type { Knex } from 'knex';

/**
 * One narrow row a case of what worklists are filtered, sorted and counted by, kept by triggers: 200,000 cases are counted
 * by every facet without opening their discs. It holds nothing that stands nowhere else.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX case_by_series ON "case" (mr_series_instance_uid);

    CREATE TABLE worklist_entry (
      case_id uuid PRIMARY KEY REFERENCES "case",
      created_at timestamptz NOT NULL,
      state text NOT NULL,
      state_since timestamptz NOT NULL,
      mr_study_instance_uid text NOT NULL,
      accession_number text NOT NULL,
      patient_id text NOT NULL,
      -- Lower case, components apart.
      patient_words text NOT NULL,
      -- Of the MR; '-infinity' where its images say none, so that it sorts last.
      mr_date date NOT NULL,
      -- What the images say of where and on what they were made (PS3.3 C.7.5.1); '' for nothing.
      site text NOT NULL,
      scanner text NOT NULL,
      field_strength_t numeric,
      sex text NOT NULL,
      -- Whole years at the MR.
      age integer,
      locate_status text,
      pairing_outcome text,
      urgency text,
      -- Levels by the deciding model, then against the CT where neither side doubts its levels.
      calcified text[] NOT NULL,
      unstated text[] NOT NULL,
      true_positive text[] NOT NULL,
      false_positive text[] NOT NULL,
      false_negative text[] NOT NULL,
      true_negative text[] NOT NULL
    );
    CREATE INDEX worklist_newest ON worklist_entry (created_at DESC, case_id);
    CREATE INDEX worklist_by_patient ON worklist_entry (patient_words, created_at DESC, case_id);
    CREATE INDEX worklist_by_accession ON worklist_entry ((accession_number = ''), accession_number, created_at DESC, case_id);
    CREATE INDEX worklist_by_mr ON worklist_entry (mr_date DESC, created_at DESC, case_id);
    CREATE INDEX worklist_by_state ON worklist_entry (state, state_since DESC, case_id);
    CREATE INDEX worklist_by_study ON worklist_entry (mr_study_instance_uid);

    ${REFRESH}
    SELECT worklist_refresh(array_agg(id)) FROM "case";
    ${TRIGGERS}
  `);
}

/** A jsonb text that is a plain number, else null: headers say what they like. */
const NUMBER = (text: string) =>
  `CASE WHEN ${text} ~ '^[0-9]{1,3}([.][0-9]{1,6}){0,1}$' THEN (${text})::numeric END`;

const REFRESH = `
    -- Writes the entries of these cases anew; of a case that was joined with another there is none.
    CREATE FUNCTION worklist_refresh(ids uuid[]) RETURNS void LANGUAGE sql AS $$
      DELETE FROM worklist_entry e USING "case" c
       WHERE c.id = e.case_id AND c.id = ANY(ids) AND c.joined_into IS NOT NULL;
      INSERT INTO worklist_entry AS entry
      SELECT c.id, c.created_at, c.state, c.state_since, c.mr_study_instance_uid, s.accession_number, s.patient_id,
             lower(translate(s.patient_name, '^=', '  ')), coalesce(mr.acquisition_date, '-infinity'),
             coalesce(mr.attributes->>'InstitutionName', ''),
             coalesce(mr.attributes->>'StationName', mr.attributes->>'ManufacturerModelName', ''),
             ${NUMBER("mr.attributes->>'MagneticFieldStrength'")},
             s.patient_sex, extract(year FROM age(mr.acquisition_date, s.patient_birth_date))::integer,
             l.status, p.outcome,
             (SELECT t.urgency FROM report r JOIN result t ON t.report_id = r.id
               WHERE r.case_id = c.id AND r.revision = c.revision),
             f.calcified, f.unstated, f.true_positive, f.false_positive, f.false_negative, f.true_negative
        FROM "case" c
        JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
        JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
        LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
        LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
        LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
       CROSS JOIN LATERAL (
         SELECT coalesce(array_agg(d.level) FILTER (WHERE d.says), '{}') AS calcified,
                coalesce(array_agg(d.level) FILTER (WHERE d.answer IN ('indeterminate', 'not-assessable')), '{}') AS unstated,
                coalesce(array_agg(d.level) FILTER (WHERE d.says AND d.is_so), '{}') AS true_positive,
                coalesce(array_agg(d.level) FILTER (WHERE d.says AND NOT d.is_so), '{}') AS false_positive,
                coalesce(array_agg(d.level) FILTER (WHERE NOT d.says AND d.is_so), '{}') AS false_negative,
                coalesce(array_agg(d.level) FILTER (WHERE NOT d.says AND NOT d.is_so), '{}') AS true_negative
           FROM (SELECT r.level, i.answer, i.calcified AS says,
                        CASE WHEN l.status = 'located' AND lct.status = 'located' THEN
                          CASE m.label WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END END AS is_so
                   FROM disc_region r
                   LEFT JOIN inference i ON i.disc_region_id = r.id AND i.role = 'active'
                   LEFT JOIN ct_measurement m
                     ON m.case_id = r.case_id AND m.revision = r.revision AND m.level = r.level
                  WHERE r.case_id = c.id AND r.revision = c.revision) d) f
       WHERE c.id = ANY(ids) AND c.joined_into IS NULL
      ON CONFLICT (case_id) DO UPDATE SET
        created_at = excluded.created_at, state = excluded.state, state_since = excluded.state_since,
        accession_number = excluded.accession_number, patient_id = excluded.patient_id,
        patient_words = excluded.patient_words, mr_date = excluded.mr_date, site = excluded.site,
        scanner = excluded.scanner, field_strength_t = excluded.field_strength_t, sex = excluded.sex,
        age = excluded.age, locate_status = excluded.locate_status, pairing_outcome = excluded.pairing_outcome,
        urgency = excluded.urgency, calcified = excluded.calcified, unstated = excluded.unstated,
        true_positive = excluded.true_positive, false_positive = excluded.false_positive,
        false_negative = excluded.false_negative, true_negative = excluded.true_negative;
    $$;`;

/** What a row hangs on. Who writes one of these holds its case's row: entries lock in the order of the cases. */
const TRIGGERS = `
    CREATE FUNCTION worklist_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh(ARRAY[NEW.id]);
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_new_case AFTER INSERT ON "case" FOR EACH ROW EXECUTE FUNCTION worklist_of_case();
    CREATE TRIGGER worklist_case AFTER UPDATE OF state, revision, state_since, joined_into, mr_series_instance_uid ON "case"
      FOR EACH ROW WHEN ((OLD.state, OLD.revision, OLD.state_since, OLD.mr_series_instance_uid, OLD.joined_into)
        IS DISTINCT FROM (NEW.state, NEW.revision, NEW.state_since, NEW.mr_series_instance_uid, NEW.joined_into))
      EXECUTE FUNCTION worklist_of_case();

    CREATE FUNCTION worklist_of_study() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh((SELECT array_agg(id) FROM "case" WHERE mr_study_instance_uid = NEW.study_instance_uid));
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_study
      AFTER UPDATE OF patient_id, patient_name, patient_birth_date, patient_sex, accession_number ON study
      FOR EACH ROW EXECUTE FUNCTION worklist_of_study();

    CREATE FUNCTION worklist_of_series() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh((SELECT array_agg(id) FROM "case" WHERE mr_series_instance_uid = NEW.series_instance_uid));
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_series AFTER UPDATE OF acquisition_date, attributes ON series FOR EACH ROW
      WHEN ((OLD.acquisition_date, OLD.attributes) IS DISTINCT FROM (NEW.acquisition_date, NEW.attributes))
      EXECUTE FUNCTION worklist_of_series();

    -- Rows of a case that come many at once: once for each statement.
    CREATE FUNCTION worklist_of_rows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh((SELECT array_agg(DISTINCT case_id) FROM fresh));
      RETURN NULL;
    END $$;
    ${['pairing', 'localisation', 'ct_measurement'].map(rowTriggers).join('')}

    CREATE FUNCTION worklist_of_answers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh((SELECT array_agg(DISTINCT r.case_id)
                                  FROM fresh JOIN disc_region r ON r.id = fresh.disc_region_id));
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_inference AFTER INSERT ON inference REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION worklist_of_answers();

    CREATE FUNCTION worklist_of_result() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM worklist_refresh((SELECT array_agg(case_id) FROM report WHERE id = NEW.report_id));
      RETURN NULL;
    END $$;
    CREATE TRIGGER worklist_result AFTER INSERT OR UPDATE OF urgency ON result
      FOR EACH ROW EXECUTE FUNCTION worklist_of_result();`;

function rowTriggers(table: string): string {
  return ['INSERT', 'UPDATE']
    .map(
      (what) => `
    CREATE TRIGGER worklist_${table}_${what.toLowerCase()} AFTER ${what} ON ${table} REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION worklist_of_rows();`,
    )
    .join('');
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
