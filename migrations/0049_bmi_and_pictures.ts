import type { Knex } from 'knex';

/**
 * Body-mass index, by which agreement is told apart, and what the picture that was read looks like, which is watched: mean
 * grey, noise and sharpness. Rows of before have neither: images that are indexed, and series that are read, from now on do.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE worklist_entry ADD COLUMN bmi numeric;
    ALTER TABLE quality_disc ADD COLUMN bmi numeric;
    -- {grey, noise, sharpness} (agent/domain/pictureFigures.ts).
    ALTER TABLE series_reading ADD COLUMN picture_figures jsonb;
    ALTER TABLE localisation ADD COLUMN picture_figures jsonb;
    ALTER TABLE quality_study
      ADD COLUMN grey double precision, ADD COLUMN noise double precision, ADD COLUMN sharpness double precision;
    ${WORKLIST}${QUALITY}${VIEWS}`);
}

const FIGURES = ['grey', 'noise', 'sharpness'];

/** A jsonb text that is a plain number, else null: headers say what they like. */
const NUMBER = (text: string) =>
  `CASE WHEN ${text} ~ '^[0-9]{1,3}([.][0-9]{1,6}){0,1}$' THEN (${text})::numeric END`;

const WORKLIST = `
    -- Writes the entries of these cases anew; of a case that was joined with another there is none.
    CREATE OR REPLACE FUNCTION worklist_refresh(ids uuid[]) RETURNS void LANGUAGE sql AS $$
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
             f.calcified, f.unstated, f.true_positive, f.false_positive, f.false_negative, f.true_negative,
             b.bmi
        FROM "case" c
        JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
        JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
        LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
        LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
        LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
       CROSS JOIN LATERAL (
         -- As models/dataset/person.ts: of what is no person's size or weight there is none.
         SELECT CASE WHEN size BETWEEN 0.5 AND 2.5 AND weight BETWEEN 2 AND 500 THEN round(weight / size ^ 2, 1) END AS bmi
           FROM (SELECT ${NUMBER("mr.attributes->>'PatientSize'")} AS size, ${NUMBER("mr.attributes->>'PatientWeight'")} AS weight) said) b
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
        false_negative = excluded.false_negative, true_negative = excluded.true_negative, bmi = excluded.bmi;
    $$;`;

/** Readers who differ on a disc say nothing together; of one reader, or report, the newest word counts. */
const DISCS = `
      SELECT c.id AS case_id, r.level, i.model_id, i.role, i.probability, i.threshold, i.calcified, i.distance,
             i.created_at AS inferred_at, nullif(e.mr_date, '-infinity') AS mr_date, e.age, e.sex, e.site, e.scanner,
             e.field_strength_t,
             CASE WHEN e.locate_status = 'located' AND lct.status = 'located' THEN
               CASE t.label WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END END AS ct,
             v.calcified AS reader, w.calcified AS report, e.bmi
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
             (l.pixel_spacing_mm->>0)::double precision, ${FIGURES.map((name) => `(l.picture_figures->>'${name}')::double precision`).join(', ')}
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
        LEFT JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
        LEFT JOIN inference i ON i.disc_region_id = r.id
       WHERE c.id = ANY(ids)
       GROUP BY e.case_id, l.case_id, l.pixel_spacing_mm, l.picture_figures`;

const DISC_COLUMNS = [
  'case_id level model_id role probability threshold calcified distance inferred_at mr_date age sex site scanner',
  'field_strength_t ct reader report bmi',
].flatMap((line) => line.split(' '));
const STUDY_COLUMNS = [
  'case_id day site scanner discs score flagged unstated uncertain_levels confidence distance divergence with_ct',
  'spacing_mm grey noise sharpness',
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

const QUALITY = `
    -- Writes the rows of these cases anew.
    CREATE OR REPLACE FUNCTION quality_refresh(ids uuid[]) RETURNS void LANGUAGE sql AS $$
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

const VIEWS = `
    CREATE OR REPLACE VIEW qa_result AS
      SELECT e.case_id, c.revision, e.state, e.created_at AS received_at, e.accession_number, e.mr_study_instance_uid,
             nullif(e.mr_date, '-infinity') AS mr_date, e.age, e.sex, e.site, e.scanner, e.field_strength_t,
             e.locate_status, e.pairing_outcome, p.ct_acquisition_date AS ct_date, p.interval_days,
             r.level, m.name AS model, m.version AS model_version, i.role, i.probability, i.threshold, i.answer,
             i.reasons, i.calcified, i.distance, i.model_sha256, r.png_sha256, i.created_at AS inferred_at,
             t.label AS ct_label, t.mean_hu AS ct_mean_hu, t.area_mm2 AS ct_area_mm2,
             CASE WHEN i.calcified IS NULL THEN NULL
                  WHEN t.label = 'calcified' THEN CASE WHEN i.calcified THEN 'true-positive' ELSE 'false-negative' END
                  WHEN t.label = 'not-calcified' THEN CASE WHEN i.calcified THEN 'false-positive' ELSE 'true-negative' END
              END AS outcome, e.bmi
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
        JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
        JOIN inference i ON i.disc_region_id = r.id
        JOIN model m ON m.id = i.model_id
        LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
        LEFT JOIN ct_measurement t ON t.case_id = c.id AND t.revision = c.revision AND t.level = r.level
                                  AND e.locate_status = 'located' AND lct.status = 'located';

    CREATE OR REPLACE VIEW qa_drift AS
      SELECT day, site, scanner, f.figure, count(f.value) AS studies, avg(f.value) AS mean,
             coalesce(stddev_samp(f.value), 0) AS standard_deviation
        FROM quality_study CROSS JOIN LATERAL (VALUES
             ('score', score), ('flagged', flagged), ('unstated', unstated), ('uncertain-levels', uncertain_levels),
             ('confidence', confidence), ('distance', distance), ('divergence', divergence), ('with-ct', with_ct),
             ('spacing', spacing_mm), ('grey', grey), ('noise', noise), ('sharpness', sharpness)) AS f (figure, value)
       WHERE day IS NOT NULL AND f.value IS NOT NULL GROUP BY day, site, scanner, f.figure;`;

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
