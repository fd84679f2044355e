/**
 * `npm run bench:worklist -- [--cases 200000] [--json]`
 *
 * Milliseconds of a page of 50, of all counts beside the filters, and from asking to the browser's first contentful paint
 * (Chromium, logged in, the page's own HTTP), by filter, the median of five: seeded cases, copied until there are as many as asked
 * for, in an embedded PostgreSQL of its own. Of this machine, not a comparison; below 300 ms is asked for.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seedDatabase } from '../../cli/seed/seed.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { openDatabase } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { listWorklist } from '../../db/views/worklist.js';
import { countFacets } from '../../db/views/worklistCounts.js';
import type { WorklistFilter } from '../../db/views/worklistFilter.js';
import { argumentsOf, wholeNumber } from './arguments.js';
import { openPainter, type Painter } from './firstPaint.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: { cases: { type: 'string', default: '200000' }, json: { type: 'boolean', default: false } },
});
const wanted = wholeNumber('cases', options.cases);
const SEEDED = 1_000;
const ROUNDS = 5;

const FILTERS: Readonly<Record<string, Partial<WorklistFilter>>> = {
  'no filter': {},
  flagged: { flag: 'calcified' },
  'flagged at L4-L5': { flag: 'calcified', level: 'L4-L5' },
  'model and CT differ': { flag: 'disagree' },
  'levels uncertain': { flag: 'uncertain' },
  parked: { states: ['parked'] },
  'one scanner': { scanner: 'E-MR2' },
  'one month': { from: '2026-01-01', to: '2026-01-31' },
  'part of a name': { find: 'ferr' },
  'two letters of a name': { find: 'fe' },
  'an accession number': { accession: 'S000500' },
  'no such name': { find: 'nobody' },
  'sorted by patient': { sort: 'patient' },
  'sorted by date of the MR': { sort: 'mr' },
  'sorted by accession': { sort: 'accession' },
  'sorted by state': { sort: 'state' },
  'page 1,000 by number': { offset: 50_000 },
};

/** The same cases again, as rows that the worklist reads: no pictures, no shadows, no reports. */
const other = (id: string) =>
  `overlay(overlay(md5(${id}::text || k) placing '4' from 13) placing '8' from 17)::uuid`;
const COPIES = [
  `INSERT INTO study (study_instance_uid, patient_id, patient_name, patient_birth_date, patient_sex, accession_number, study_date, study_description)
   SELECT study_instance_uid || '.' || k, patient_id || k, patient_name, patient_birth_date, patient_sex, accession_number || k, study_date, study_description FROM study, k`,
  `INSERT INTO series (series_instance_uid, study_instance_uid, modality, acquisition_date, attributes, state, role)
   SELECT series_instance_uid || '.' || k, study_instance_uid || '.' || k, modality, acquisition_date, attributes, state, role FROM series, k`,
  `INSERT INTO "case" (id, mr_series_instance_uid, mr_study_instance_uid, state, created_at, state_since)
   SELECT ${other('id')}, mr_series_instance_uid || '.' || k, mr_study_instance_uid || '.' || k, state, created_at + k * interval '1 second', state_since FROM "case", k`,
  `INSERT INTO pairing (case_id, revision, outcome, interval_days) SELECT ${other('case_id')}, revision, outcome, interval_days FROM pairing, k`,
  `INSERT INTO localisation (case_id, revision, modality, series_instance_uid, status, localiser_name, localiser_version, localiser_sha256, milliseconds)
   SELECT ${other('case_id')}, revision, modality, series_instance_uid || '.' || k, status, localiser_name, localiser_version, localiser_sha256, milliseconds FROM localisation, k`,
  `INSERT INTO disc_region (id, case_id, revision, level, sop_instance_uid, centre_patient_mm, centre_pixel, roi_pixel, margin_mm, confidence, png, png_sha256)
   SELECT ${other('id')}, ${other('case_id')}, revision, level, sop_instance_uid, '[]', '[]', '[]', margin_mm, confidence, '', png_sha256 FROM disc_region, k`,
  `INSERT INTO inference (id, disc_region_id, model_id, role, probability, threshold, answer, model_sha256, png_sha256, provider, runtime, batch_size, batch_position, milliseconds)
   SELECT ${other('id')}, ${other('disc_region_id')}, model_id, role, probability, threshold, answer, model_sha256, png_sha256, provider, runtime, batch_size, batch_position, milliseconds
     FROM inference, k WHERE role = 'active'`,
  // Lateral: a function whose row is taken apart by .* is called once for every column.
  `INSERT INTO worklist_entry (COLUMNS) SELECT COLUMNS FROM (SELECT copy.* FROM worklist_entry e, k,
     LATERAL jsonb_populate_record(e, jsonb_build_object('case_id', ${other('case_id')}, 'created_at', created_at + k * interval '1 second',
     'mr_study_instance_uid', mr_study_instance_uid || '.' || k, 'patient_id', patient_id || k, 'accession_number', accession_number || k)) copy) copies`,
];

const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-'));
const log = createLogger({ log: { level: 'silent' } });
const config = parseConfig({ dataDir });
const database = await openDatabase(config, log);
let painter: Painter | null = null;
try {
  const began = performance.now();
  await seedDatabase(database.knex, config, log, {
    studies: SEEDED,
    seed: 1,
    until: '2026-06-30',
    reports: 1,
    actor: 'bench',
  });
  await multiply(database.knex, Math.ceil(wanted / SEEDED) - 1);
  console.log(
    `${await total(database.knex)} cases, written in ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  const [deep] = await listWorklist(database.knex, { limit: 1, offset: Math.min(50_000, wanted - 1) });
  const asked = { ...FILTERS, 'page 1,000 by key': { after: deep!.id } };
  const all: Timed[] = [];
  painter = await openPainter({ config, database });
  for (const [name, filter] of Object.entries(asked)) {
    const one = await timed(database.knex, name, filter, painter);
    all.push(one);
    console.log(lineOf(one));
  }
  if (options.json) console.log(JSON.stringify(all));
} finally {
  await painter?.close();
  await database.close();
  await rm(dataDir, { recursive: true, force: true });
}

interface Timed {
  readonly filter: string;
  readonly pageMs: number;
  readonly facetsMs: number;
  /** Null where there is no browser. */
  readonly firstPaintMs: number | null;
}

async function timed(
  knex: Tx,
  filter: string,
  asked: Partial<WorklistFilter>,
  browser: Painter | null,
): Promise<Timed> {
  const whole = { limit: 50, offset: 0, ...asked };
  return {
    filter,
    pageMs: await median(() => millisecondsOf(listWorklist(knex, whole))),
    facetsMs: await median(() => millisecondsOf(countFacets(knex, whole))),
    firstPaintMs: browser && (await median(() => browser.paint(asked))),
  };
}

function lineOf({ filter, pageMs, facetsMs, firstPaintMs }: Timed): string {
  const ms = (value: number) => `${value.toFixed(0).padStart(5)} ms`;
  const painted = firstPaintMs === null ? '' : `   first paint ${ms(firstPaintMs)}`;
  return `${filter.padEnd(28)} page ${ms(pageMs)}   counts ${ms(facetsMs)}${painted}`;
}

async function millisecondsOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

async function median(measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await measure());
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
}

async function total(knex: Tx): Promise<number> {
  return (await countFacets(knex, { limit: 1, offset: 0 })).total;
}

/** The same cases again under other ids, as rows that the worklist reads: no pictures, no shadows, no reports. */
async function multiply(knex: Tx, copies: number): Promise<void> {
  await knex.transaction(async (trx) => {
    await trx.raw('SET LOCAL session_replication_role = replica');
    await trx.raw('CREATE TEMP TABLE k ON COMMIT DROP AS SELECT generate_series(1, ?::integer) AS k', [
      copies,
    ]);
    const { rows } = await trx.raw(
      `SELECT string_agg(column_name, ', ') AS columns FROM information_schema.columns
        WHERE table_name = 'worklist_entry' AND table_schema = current_schema() AND is_generated = 'NEVER'`,
    );
    for (const statement of COPIES) await trx.raw(statement.replaceAll('COLUMNS', rows[0].columns));
    await trx.raw('SELECT worklist_recount()');
  });
  await knex.raw('VACUUM ANALYZE');
}
