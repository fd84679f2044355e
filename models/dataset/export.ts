import { join, resolve } from 'node:path';
import { type Header, readHeader } from '../../agent/dicom/header.js';
import { ctLabelOf } from '../../agent/domain/ctLabels.js';
import { asCalcidiscError, CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';
import type { Config } from '../../config/schema.js';
import { version } from '../../config/version.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit, OUTCOMES } from '../../db/tables/audit.js';
import { listInstances } from '../../db/tables/instances.js';
import { listResearchAnswers, type ResearchCase, readRegionPng } from '../../db/views/research.js';
import { type Collected, collectDiscs, type LabelledDisc, type Wanted } from './collect.js';
import { drawControls } from './controls.js';
import { MANIFEST_FILE, type NewFolder, newFolder, TABLE_FILE } from './folder.js';
import { type DatasetManifest, manifestOf } from './manifest.js';
import { ageText, bmiText, sexText, shiftedDate } from './person.js';
import { refuseHiddenText } from './pngChunks.js';
import { openKey, type Pseudonyms, pseudonymsOf } from './pseudonyms.js';
import { answerColumn, type Line, numberText, tableText } from './table.js';

export interface ExportRequest extends Wanted {
  readonly outDir: string;
  readonly keyFile: string;
  /** Without one: named after the key, so that two sites never share a name. */
  readonly site?: string;
  readonly controls: 'proportional' | 'all';
  readonly perCase: number;
  readonly seed: number;
  /** Columns with what each model said of the region. */
  readonly withAnswers: boolean;
  readonly force: boolean;
  /** 'user:anna' */
  readonly actor: string;
}

export interface ExportContext {
  readonly config: Pick<Config, 'dataDir'>;
  readonly database: Pick<Database, 'knex'>;
  readonly onProgress?: (done: number, total: number) => void;
  /** Aborted: nothing is left behind. */
  readonly signal?: AbortSignal;
}

export interface Exported {
  readonly folder: string;
  /** Of SHA256SUMS, as the audit trail has it. */
  readonly sumsSha256: string;
  readonly manifest: DatasetManifest;
}

/**
 * Writes labelled regions under pseudonyms: PNG files as they are stored, labels.csv, dataset.json, SHA256SUMS. The
 * folder appears whole, after the audit trail has its event.
 * @throws CalcidiscError FOLDER_IN_USE, KEY_INVALID, DATASET_EMPTY, DATASET_INVALID, REGION_CORRUPT, REGION_INVALID
 */
export async function exportDataset(context: ExportContext, request: ExportRequest): Promise<Exported> {
  if (request.withAnswers && request.regions === 'reader')
    throw new CalcidiscError(
      'DATASET_INVALID',
      'models have answered for automatic regions, not for drawn ones',
    );
  const folder = await newFolder(request.outDir, request.force);
  try {
    const pseudonyms = pseudonymsOf(await openKey(request.keyFile, request.outDir));
    const collected = await collectDiscs(context.database.knex, request, pseudonyms);
    const { chosen, draw } = choose(collected, request);
    const site = request.site ?? `site-${pseudonyms.fingerprint.slice(0, 6)}`;
    const { perCase, seed, regions, labels } = request;
    const manifest = manifestOf({
      version,
      site,
      keyFingerprint: pseudonyms.fingerprint,
      sources: { regions, labels },
      isDateRange: request.since !== undefined || request.until !== undefined,
      collected,
      chosen,
      draw,
      seed,
      perCase,
    });
    if (chosen.length === 0) throw empty(manifest);
    await writeRegions(context, folder, chosen, { pseudonyms, site, withAnswers: request.withAnswers });
    await folder.write(MANIFEST_FILE, `${JSON.stringify(manifest, null, 2)}\n`);
    const exported = { folder: resolve(request.outDir), sumsSha256: await folder.finish(), manifest };
    await handOver(context, folder, exported, request);
    return exported;
  } finally {
    await folder.discard();
  }
}

function choose(collected: Collected, { controls, seed, perCase }: ExportRequest) {
  const draw = controls === 'all' ? null : drawControls(collected.discs, { seed, perCase });
  const drawn = draw && new Set(draw.drawn);
  const chosen = collected.discs
    .filter((disc) => disc.isCalcified || !drawn || drawn.has(disc))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return { chosen, draw };
}

function empty({ leftOut, considered }: DatasetManifest): CalcidiscError {
  const why = [...leftOut.cases, ...leftOut.discs]
    .map(({ reason, count }) => `${count} ${reason}`)
    .join(', ');
  return new CalcidiscError(
    'DATASET_EMPTY',
    `no disc to export from ${considered.cases} cases${why ? `; left out: ${why}` : ''}`,
  );
}

interface Naming {
  readonly pseudonyms: Pseudonyms;
  readonly site: string;
  readonly withAnswers: boolean;
}

async function writeRegions(
  { config, database, onProgress, signal }: ExportContext,
  folder: NewFolder,
  chosen: readonly LabelledDisc[],
  naming: Naming,
): Promise<void> {
  const answers = naming.withAnswers ? await answersOf(database, chosen) : new Map<string, never>();
  const models = [...new Set([...answers.values()].flatMap((said) => [...said.keys()]))].sort();
  const persons = new Map<string, Person>();
  const lines: Line[] = [];
  for (const disc of chosen) {
    signal?.throwIfAborted();
    const { caseId } = disc.row;
    if (!persons.has(caseId)) persons.set(caseId, await personOf(config, database, disc.row));
    const file = `regions/${disc.key}.png`;
    await folder.write(file, await pictureOf(database, disc));
    const said = answers.get(disc.disc?.regionId ?? '') ?? new Map<string, string>();
    lines.push({
      ...lineOf(disc, file, persons.get(caseId)!, naming),
      ...Object.fromEntries([...said].map(([model, text]) => [answerColumn(model), text])),
    });
    onProgress?.(lines.length, chosen.length);
  }
  await folder.write(TABLE_FILE, tableText(lines, models));
}

/** The bytes as they are stored, once they are what was recorded and carry no text. */
async function pictureOf(
  { knex }: Pick<Database, 'knex'>,
  { picture, key }: LabelledDisc,
): Promise<Uint8Array> {
  const png = await readRegionPng(knex, picture.table, picture.id);
  if (png === null || sha256(png) !== picture.sha256)
    throw new CalcidiscError(
      'REGION_CORRUPT',
      `the stored region ${picture.id} is not the one that was recorded`,
    );
  refuseHiddenText(png, key);
  return png;
}

type Person = Pick<Line, 'age' | 'sex' | 'bmi'>;

/** Size, weight and, without a birth date, the age stand in the images alone. */
async function personOf(
  { dataDir }: Pick<Config, 'dataDir'>,
  { knex }: Pick<Database, 'knex'>,
  row: ResearchCase,
): Promise<Person> {
  const [first] = await listInstances(knex, row.mrSeriesInstanceUid);
  // Without its file a case is still a labelled example.
  const header: Header | null = first
    ? await readHeader(join(dataDir, first.spoolPath)).catch(() => null)
    : null;
  return {
    age: ageText(row.patientBirthDate, row.mrDate, header?.patientAge ?? null),
    sex: sexText(row.patientSex),
    bmi: bmiText(header?.patientSize ?? null, header?.patientWeight ?? null),
  };
}

function lineOf(found: LabelledDisc, file: string, person: Person, { pseudonyms, site }: Naming): Line {
  const { row, drawn, picture } = found;
  const days = pseudonyms.daysEarlier(row);
  // The CT is silent where either side doubts its levels, as in the report.
  const ct = row.mrStatus === 'located' && row.ctStatus === 'located' ? found.disc : null;
  return {
    file,
    patient: pseudonyms.patient(row),
    site,
    study: pseudonyms.study(row.mrStudyInstanceUid),
    case: pseudonyms.case(row.caseId),
    level: found.level,
    label: ctLabelOf(found.isCalcified),
    label_source: found.labelSource,
    region_source: picture.table === 'readerRegion' ? 'reader' : 'automatic',
    reader: drawn ? pseudonyms.reader(drawn.reader) : '',
    hu: numberText(ct?.meanHu ?? null, 1),
    hu_max: numberText(ct?.maxHu ?? null, 1),
    area_mm2: numberText(ct?.areaMm2 ?? null, 2),
    ...person,
    mr_date: shiftedDate(row.mrDate, days),
    ct_date: shiftedDate(row.ctDate, days),
  };
}

/** By region: what each model said, with the nine digits that a float32 needs to come back. */
async function answersOf({ knex }: Pick<Database, 'knex'>, chosen: readonly LabelledDisc[]) {
  const ids = chosen.flatMap(({ disc }) => disc?.regionId ?? []);
  const answers = new Map<string, Map<string, string>>();
  for (const { discRegionId, model, probability } of await listResearchAnswers(knex, ids)) {
    const said = answers.get(discRegionId) ?? new Map<string, string>();
    answers.set(discRegionId, said.set(model, String(Number(Math.fround(probability).toPrecision(9)))));
  }
  return answers;
}

/** First the record, then the data: what has left without a record must not be possible. */
async function handOver(
  { database: { knex } }: ExportContext,
  folder: NewFolder,
  { folder: place, sumsSha256, manifest }: Exported,
  { actor, since, until, reader, withAnswers }: ExportRequest,
): Promise<void> {
  const { site, keyFingerprint, sources, counts, controls, leftOut } = manifest;
  const event = { event: 'DATASET_EXPORTED', subjectType: 'dataset', subjectId: sumsSha256, actor } as const;
  const { patients, cases, regions, calcified } = counts;
  const detail = {
    ...{ folder: place, site, keyFingerprint, patients, cases, regions, calcified, withAnswers },
    ...{ regionSource: sources.regions, labelSource: sources.labels, reader: reader ?? null },
    ...{ controls: controls.how, seed: controls.how === 'all' ? null : controls.seed },
    ...{ since: since ?? null, until: until ?? null },
    leftOut: Object.fromEntries(
      [...leftOut.cases, ...leftOut.discs].map(({ reason, count }) => [reason, count]),
    ),
  };
  await appendAudit(knex, { ...event, detail });
  await folder.appear().catch(async (error: unknown) => {
    const failed = { folder: place, error: asCalcidiscError(error).message };
    await appendAudit(knex, { ...event, outcome: OUTCOMES.seriousFailure, detail: failed });
    throw error;
  });
}
