import type { Knex } from 'knex';

/**
 * Narrow rows that quality is counted from, kept by triggers as worklist_entry is: one for each disc and model, with what
 * CT, readers and the written report say of the disc, and one for each study. They hold nothing that stands nowhere else.
 */
export async function up(knex: Knex): Promise<void> {
  // worklist_entry may have been filled a moment ago (0030): a plan without its statistics goes over it once for each case.
  await knex.raw(`${TABLES}${REFRESH}${TRIGGERS}${VIEWS}
    ANALYZE worklist_entry;
    ${ofAll('quality_disc', DISC_COLUMNS, DISCS)}
    ${ofAll('quality_study', STUDY_COLUMNS, STUDIES)}
    ANALYZE quality_disc, quality_study;`);
}

const TABLES = `
    CREATE TABLE quality_disc (
      case_id uuid NOT NULL REFERENCES worklist_entry ON DELETE CASCADE,
      level text NOT NULL,
      model_id uuid NOT NULL REFERENCES model,
      role text NOT NULL,
      probability real NOT NULL,
      threshold real NOT NULL,
      -- Null where the model states nothing.
      calcified boolean,
      distance real,
      inferred_at timestamptz NOT NULL,
      mr_date date,
      age integer,
      sex text NOT NULL,
      site text NOT NULL,
      scanner text NOT NULL,
      field_strength_t numeric,
      -- Null: says nothing, or in doubt.
      ct boolean,
      reader boolean,
      report boolean,
      PRIMARY KEY (case_id, level, model_id)
    );
    CREATE INDEX quality_disc_of_model ON quality_disc (model_id, case_id);

    CREATE TABLE quality_study (
      case_id uuid PRIMARY KEY REFERENCES worklist_entry ON DELETE CASCADE,
      day date,
      site text NOT NULL,
      scanner text NOT NULL,
      -- Located at the current revision, answered or not.
      discs integer NOT NULL,
      score double precision,
      flagged double precision,
      unstated double precision,
      uncertain_levels double precision,
      confidence double precision,
      distance double precision,
      divergence double precision,
      with_ct double precision,
      spacing_mm double precision
    );`;

/** Readers who differ on a disc say nothing together; of one reader, or report, the newest word counts. */
const DISCS = `
      SELECT c.id AS case_id, r.level, i.model_id, i.role, i.probability, i.threshold, i.calcified, i.distance,
             i.created_at AS inferred_at, nullif(e.mr_date, '-infinity') AS mr_date, e.age, e.sex, e.site, e.scanner,
             e.field_strength_t,
             CASE WHEN e.locate_status = 'located' AND lct.status = 'located' THEN
               CASE t.label WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END END AS ct,
             v.calcified AS reader, w.calcified AS report
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
        JOIN inference i ON i.disc_region_id = r.id
        LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
        LEFT JOIN ct_measurement t ON t.case_id = c.id AND t.revision = c.revision AND t.level = r.level
        LEFT JOIN LATERAL (
          SELECT CASE WHEN count(DISTINCT s.answer) = 1 THEN min(s.answer) = 'calcified' END AS calcified
            FROM (SELECT DISTINCT ON (reader) answer FROM reader_verdict
                   WHERE case_id = c.id AND coalesce(level, disc) = r.level AND answer IS NOT NULL
                   ORDER BY reader, received_at DESC, heard_at DESC) s) v ON true
        LEFT JOIN LATERAL (
          SELECT CASE coalesce(d.corrected, d.heard) WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END AS calcified
            FROM written_report o JOIN written_report_disc d ON d.report_id = o.id AND d.level = r.level
           WHERE o.matched_study = e.mr_study_instance_uid AND o.status IN ('F', 'C')
           ORDER BY o.signed_at DESC NULLS LAST, o.received_at DESC LIMIT 1) w ON true
       WHERE c.id = ANY(ids)`;

const STUDIES = `
      SELECT e.case_id, nullif(e.mr_date, '-infinity') AS day, e.site, e.scanner, count(DISTINCT r.id)::integer,
             avg(i.probability) FILTER (WHERE i.role = 'active'),
             (cardinality(e.calcified) > 0)::integer::double precision,
             avg((i.calcified IS NULL)::integer) FILTER (WHERE i.role = 'active')::double precision,
             (e.locate_status <> 'located')::integer::double precision,
             avg(r.confidence) FILTER (WHERE i.role = 'active'),
             avg(i.distance) FILTER (WHERE i.role = 'active')::double precision,
             abs(avg(i.probability) FILTER (WHERE i.role = 'active') - avg(i.probability) FILTER (WHERE i.role = 'shadow')),
             (e.pairing_outcome = 'paired')::integer::double precision,
             (l.pixel_spacing_mm->>0)::double precision
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
        LEFT JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
        LEFT JOIN inference i ON i.disc_region_id = r.id
       WHERE c.id = ANY(ids)
       GROUP BY e.case_id, l.case_id, l.pixel_spacing_mm`;

const DISC_COLUMNS = [
  'case_id level model_id role probability threshold calcified distance inferred_at mr_date age sex site scanner',
  'field_strength_t ct reader report',
].flatMap((line) => line.split(' '));
const STUDY_COLUMNS = [
  'case_id day site scanner discs score flagged unstated uncertain_levels confidence distance divergence with_ct',
  'spacing_mm',
].flatMap((line) => line.split(' '));

/** A row that says the same as before stays as it is: a case's state changes ten times, its answers once. */
function upsert(table: string, columns: readonly string[], keys: readonly string[], rows: string): string {
  const others = columns.filter((column) => !keys.includes(column));
  const list = (of: string) => others.map((column) => `${of}.${column}`).join(', ');
  return `
      INSERT INTO ${table} AS q (${columns.join(', ')})${rows}
      ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(', ')}
       WHERE (${list('q')}) IS DISTINCT FROM (${list('excluded')});`;
}

/** Into tables that are empty: by whole tables, where a list of ids would be looked up one by one. */
function ofAll(table: string, columns: readonly string[], rows: string): string {
  return `INSERT INTO ${table} (${columns.join(', ')})${rows.replace('WHERE c.id = ANY(ids)', '')};`;
}

const REFRESH = `
    -- Writes the rows of these cases anew.
    CREATE FUNCTION quality_refresh(ids uuid[]) RETURNS void LANGUAGE sql AS $$
      DELETE FROM quality_disc q USING "case" c
       WHERE q.case_id = ANY(ids) AND c.id = q.case_id AND NOT EXISTS (
         SELECT FROM disc_region r JOIN inference i ON i.disc_region_id = r.id
          WHERE r.case_id = c.id AND r.revision = c.revision AND r.level = q.level AND i.model_id = q.model_id);
      DELETE FROM quality_study q USING "case" c
       WHERE q.case_id = ANY(ids) AND c.id = q.case_id AND NOT EXISTS (
         SELECT FROM localisation l WHERE l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR');
      ${upsert('quality_disc', DISC_COLUMNS, ['case_id', 'level', 'model_id'], DISCS)}
      ${upsert('quality_study', STUDY_COLUMNS, ['case_id'], STUDIES)}
    $$;`;

/** Whatever changes an answer or a CT's word writes worklist_entry anew; words of people come by themselves. */
const TRIGGERS = `
    CREATE FUNCTION quality_of_rows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM quality_refresh((SELECT array_agg(DISTINCT case_id) FROM fresh));
      RETURN NULL;
    END $$;
    CREATE TRIGGER quality_new_entry AFTER INSERT ON worklist_entry REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION quality_of_rows();
    CREATE TRIGGER quality_entry AFTER UPDATE ON worklist_entry REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION quality_of_rows();
    CREATE TRIGGER quality_verdict AFTER INSERT ON reader_verdict REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION quality_of_rows();

    CREATE FUNCTION quality_of_reports() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM quality_refresh((SELECT array_agg(DISTINCT e.case_id) FROM fresh
        JOIN worklist_entry e ON e.mr_study_instance_uid = fresh.matched_study));
      RETURN NULL;
    END $$;
    CREATE TRIGGER quality_report AFTER UPDATE ON written_report REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION quality_of_reports();

    CREATE FUNCTION quality_of_report_discs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM quality_refresh((SELECT array_agg(DISTINCT e.case_id) FROM fresh JOIN written_report w ON w.id = fresh.report_id
        JOIN worklist_entry e ON e.mr_study_instance_uid = w.matched_study));
      RETURN NULL;
    END $$;
    CREATE TRIGGER quality_report_disc AFTER UPDATE ON written_report_disc REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION quality_of_report_discs();`;

/** The same columns as before, from the narrow rows. */
const VIEWS = `
    CREATE OR REPLACE VIEW qa_agreement AS
      SELECT date_trunc('month', q.mr_date)::date AS month, m.name AS model, m.version AS model_version, q.role, q.level,
             q.site, q.scanner, count(*) AS discs, count(q.ct) AS with_truth,
             count(*) FILTER (WHERE q.calcified IS NULL) AS unstated,
             count(*) FILTER (WHERE q.calcified AND q.ct) AS true_positive,
             count(*) FILTER (WHERE q.calcified AND NOT q.ct) AS false_positive,
             count(*) FILTER (WHERE NOT q.calcified AND q.ct) AS false_negative,
             count(*) FILTER (WHERE NOT q.calcified AND NOT q.ct) AS true_negative
        FROM quality_disc q JOIN model m ON m.id = q.model_id GROUP BY 1, 2, 3, 4, 5, 6, 7;

    CREATE OR REPLACE VIEW qa_drift AS
      SELECT day, site, scanner, f.figure, count(f.value) AS studies, avg(f.value) AS mean,
             coalesce(stddev_samp(f.value), 0) AS standard_deviation
        FROM quality_study CROSS JOIN LATERAL (VALUES
             ('score', score), ('flagged', flagged), ('unstated', unstated), ('uncertain-levels', uncertain_levels),
             ('confidence', confidence), ('distance', distance), ('divergence', divergence), ('with-ct', with_ct),
             ('spacing', spacing_mm)) AS f (figure, value)
       WHERE day IS NOT NULL AND f.value IS NOT NULL GROUP BY day, site, scanner, f.figure;`;

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
