/**
 * `npm run bench:migrations -- [--cases 200000] [--json]`
 *
 * Seconds that each migration since 0029 takes on a database that was filled before it: cases with an MR, every other one
 * with a CT, five discs with answers, report, delivery and rows of the trail, without their pictures, in an embedded
 * PostgreSQL of its own. What has to be written anew for every case shows here. Of this machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../config/log.js';
import { openEmbedded } from '../../db/server/embedded.js';
import { createKnex, type Tx } from '../../db/server/knex.js';
import { migrateTo } from '../../db/server/migrate.js';
import { migrations } from '../../migrations/index.js';
import { argumentsOf, wholeNumber } from './arguments.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: { cases: { type: 'string', default: '200000' }, json: { type: 'boolean', default: false } },
});
const cases = wholeNumber('cases', options.cases);
/** The last one before there were rows that triggers keep. */
const BEFORE = '0029_within_spine';

const AT = "timestamptz '2024-01-01' + g * interval '4 minutes'";
const CASE_ID = "md5('case' || g)::uuid";
const REGION_ID = "md5('region' || g || level)::uuid";
const EACH = `generate_series(1, ${cases}) g`;
const LEVELS = "unnest(ARRAY['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1']) level";
const PLACE = "'[1, 2, 3]', '[100, 120]', '[80, 90, 140, 150]'";
const SHA = "repeat('ab', 32)";

/** By whole tables: rows as the path would have left them. */
const ROWS: readonly string[] = [
  `INSERT INTO study (study_instance_uid, patient_id, patient_name, patient_birth_date, patient_sex, accession_number, study_date, study_description)
   SELECT '1.2.' || g || m, 'P' || g / 2, 'NAME' || g % 900 || '^A', '1960-01-01', 'F', 'A' || g || m, (${AT})::date, 'lumbar'
     FROM ${EACH}, unnest(ARRAY['', '.9']) m WHERE m = '' OR g % 2 = 0`,
  `INSERT INTO series (series_instance_uid, study_instance_uid, modality, acquisition_date, attributes, state, role, last_received_at)
   SELECT '1.3.' || g || m, '1.2.' || g || m, CASE m WHEN '' THEN 'MR' ELSE 'CT' END, (${AT})::date,
          jsonb_build_object('InstitutionName', 'Site ' || g % 3, 'StationName', 'MR' || g % 6, 'MagneticFieldStrength', '1.5'),
          'complete', CASE m WHEN '' THEN 'mr' ELSE 'ct' END, ${AT}
     FROM ${EACH}, unnest(ARRAY['', '.9']) m WHERE m = '' OR g % 2 = 0`,
  `INSERT INTO "case" (id, mr_series_instance_uid, mr_study_instance_uid, state, created_at, state_since)
   SELECT ${CASE_ID}, '1.3.' || g, '1.2.' || g, 'delivered', ${AT}, ${AT} FROM ${EACH}`,
  `INSERT INTO pairing (case_id, revision, outcome, interval_days, ct_series_instance_uid, mr_acquisition_date, ct_acquisition_date)
   SELECT ${CASE_ID}, 1, CASE g % 2 WHEN 0 THEN 'paired' ELSE 'no-ct' END, CASE g % 2 WHEN 0 THEN 2 END,
          CASE g % 2 WHEN 0 THEN '1.3.' || g || '.9' END, (${AT})::date, CASE g % 2 WHEN 0 THEN (${AT})::date END FROM ${EACH}`,
  `INSERT INTO localisation (case_id, revision, modality, series_instance_uid, status, pixel_spacing_mm, localiser_name, localiser_version, localiser_sha256, milliseconds)
   SELECT ${CASE_ID}, 1, CASE m WHEN '' THEN 'MR' ELSE 'CT' END, '1.3.' || g || m, 'located', '[0.9, 0.9]', 'localiser', '1', ${SHA}, 1
     FROM ${EACH}, unnest(ARRAY['', '.9']) m WHERE m = '' OR g % 2 = 0`,
  `INSERT INTO disc_region (id, case_id, revision, level, sop_instance_uid, centre_patient_mm, centre_pixel, roi_pixel, margin_mm, confidence, png, png_sha256)
   SELECT ${REGION_ID}, ${CASE_ID}, 1, level, '1.4.' || g, ${PLACE}, 10, 0.9, '', ${SHA} FROM ${EACH}, ${LEVELS}`,
  `INSERT INTO ct_measurement (case_id, revision, level, label, mean_hu, max_hu, area_mm2, hu_low, hu_high, centre_patient_mm, centre_pixel, roi_pixel, confidence)
   SELECT ${CASE_ID}, 1, level, CASE WHEN g % 12 = 0 THEN 'calcified' ELSE 'not-calcified' END, 40, 90, 3, 120.1, 383.7, ${PLACE}, 0.9
     FROM ${EACH}, ${LEVELS} WHERE g % 2 = 0`,
  `INSERT INTO model (id, name, version, kind, sha256, path, card, state)
   SELECT md5('model')::uuid, 'bench', '1', 'classifier', ${SHA}, 'none', '{}', 'active'`,
  `INSERT INTO inference (id, disc_region_id, model_id, role, probability, threshold, answer, model_sha256, png_sha256, provider, runtime, batch_size, batch_position, milliseconds)
   SELECT ${REGION_ID}, ${REGION_ID}, md5('model')::uuid, 'active', (g % 100) / 100.0, 0.9, CASE WHEN g % 100 >= 90 THEN 'calcified' ELSE 'not-calcified' END,
          ${SHA}, ${SHA}, 'cpu', 'bench', 8, 0, 1 FROM ${EACH}, ${LEVELS}`,
  `INSERT INTO report (id, case_id, revision, sop_instance_uid, series_instance_uid, sop_class_uid, file, file_sha256, created_at)
   SELECT md5('report' || g)::uuid, ${CASE_ID}, 1, '1.5.' || g, '1.6.' || g, '1.2.840.10008.5.1.4.1.1.88.34', '', ${SHA}, ${AT} FROM ${EACH}`,
  `INSERT INTO result (report_id, input, mode) SELECT md5('report' || g)::uuid,
          jsonb_build_object('patient', jsonb_build_object('id', 'P' || g / 2), 'study', jsonb_build_object('accessionNumber', 'A' || g, 'studyInstanceUid', '1.2.' || g)), 'live' FROM ${EACH}`,
  `INSERT INTO delivery (id, report_id, destination, state, stored_at) SELECT md5('delivery' || g)::uuid, md5('report' || g)::uuid, 'pacs', 'stored', ${AT} FROM ${EACH}`,
  `INSERT INTO delivery_form (delivery_id, form, status, sha256) SELECT md5('delivery' || g)::uuid, 'sr', '0000', ${SHA} FROM ${EACH}`,
  // Not chained: no migration asks for more than what an event is about.
  `ALTER TABLE audit_event DISABLE TRIGGER USER;
   INSERT INTO audit_event (seq, at, event, event_code, event_meaning, action, outcome, actor, subject_type, subject_id, prev_hash, hash)
   SELECT (g - 1) * 5 + k, ${AT}, 'CASE_MOVED', '110100', 'Application Activity', 'U', 0, 'process:bench/1', 'case', (${CASE_ID})::text, '', ''
     FROM ${EACH}, generate_series(1, 5) k;
   ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_chain; ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_refuse`,
];

const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-'));
const log = createLogger({ log: { level: 'silent' } });
const server = await openEmbedded({ dataDir, throwaway: true }, log);
const knex = createKnex(server.url, 2);
try {
  const names = migrations.map(({ name }) => name as string);
  const first = names.indexOf(BEFORE) + 1;
  await migrateTo(knex, names.slice(0, first));
  const filling = await seconds(() => fill(knex));
  const timed: { migration: string; seconds: number }[] = [];
  for (let at = first; at < names.length; at++)
    timed.push({
      migration: names[at]!,
      seconds: await seconds(() => migrateTo(knex, names.slice(0, at + 1))),
    });
  const all = round(timed.reduce((sum, each) => sum + each.seconds, 0));
  if (!options.json) {
    console.log(`${cases} cases, filled in ${filling} s; seconds a migration:`);
    for (const each of timed) console.log(`${each.seconds.toFixed(2).padStart(9)}  ${each.migration}`);
  }
  console.log(JSON.stringify({ cases, seconds: all, migrations: timed }));
} finally {
  await knex.destroy();
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
}

async function fill(tx: Tx): Promise<void> {
  for (const sql of ROWS) await tx.raw(sql);
  await tx.raw('ANALYZE');
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return round((performance.now() - began) / 1000);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
