import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { mapVector } from '../../agent/dicom/geometry.js';
import type { Stack } from '../../agent/dicom/stacks.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';
import { cutRegion, storedBox, tidy } from '../../agent/locate/cut.js';
import { sagittalOf } from '../../agent/locate/sagittal.js';
import { sagittalStack } from '../../agent/locate/sagittalStack.js';
import { readSeries, type SourceImage } from '../../agent/locate/series.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCase, listCases } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { insertReaderRegions, type NewReaderRegion } from '../../db/views/readerRegions.js';
import { groupBy } from '../statistics/describe.js';
import { namesLevel, readTexts } from './labelText.js';
import { type MarkupBox, parseMarkups } from './markups.js';
import { nearestSlice, rectangleOn } from './rectangle.js';

export interface ImportRequest {
  /** A case's id or the beginning of it. */
  readonly caseId?: string;
  readonly studyInstanceUid?: string;
  readonly reader: string;
  readonly files: readonly string[];
  /** 'user:anna' */
  readonly actor: string;
}

export interface Imported {
  readonly caseId: string;
  readonly reader: string;
  readonly regions: readonly Omit<NewReaderRegion, 'png'>[];
  /** The others had come with the same file before. */
  readonly stored: number;
  /** Markups that are no boxes. */
  readonly passedOver: number;
}

type Context = { readonly config: Pick<Config, 'dataDir'>; readonly database: Pick<Database, 'knex'> };

/**
 * Takes boxes that a person drew in 3D Slicer on a case's MR as regions of its discs: all of the files, or nothing.
 * @throws CalcidiscError CASE_NOT_FOUND, CASE_AMBIGUOUS, MARKUP_INVALID with every problem of every file, and what
 * reading the series throws
 */
export async function importMarkups(context: Context, request: ImportRequest): Promise<Imported> {
  const { knex } = context.database;
  const row = await caseOf(knex, request);
  const problems: string[] = [];
  const files = await readFiles(request.files, problems);
  const { stack, reachMm } = await stackOf(context, row);
  const regions: NewReaderRegion[] = [];
  for (const { name, fileSha256, boxes } of files)
    for (const box of boxes) {
      const region = await regionOf(stack, box, reachMm, name);
      if (typeof region === 'string') problems.push(`${name}, markup ${box.number}: ${region}`);
      else
        regions.push({
          ...region,
          caseId: row.id,
          reader: request.reader,
          fileSha256,
          importedBy: request.actor,
        });
    }
  problems.push(...doubles(regions));
  if (problems.length > 0)
    throw new CalcidiscError('MARKUP_INVALID', problems.join('\n'), { caseId: row.id });
  const stored = await store(knex, row, regions, request);
  const passedOver = files.reduce((sum, { others }) => sum + others, 0);
  return {
    caseId: row.id,
    reader: request.reader,
    regions: regions.map(({ png, ...region }) => region),
    stored,
    passedOver,
  };
}

async function caseOf(tx: Tx, { caseId, studyInstanceUid }: ImportRequest): Promise<CaseRow> {
  if (caseId !== undefined) {
    const row = await findCase(tx, caseId);
    if (row) return row;
    throw new CalcidiscError('CASE_NOT_FOUND', `no case ${caseId}`);
  }
  const rows = await listCases(tx, { mrStudyInstanceUid: studyInstanceUid ?? '' });
  if (rows.length === 1) return rows[0]!;
  if (rows.length === 0)
    throw new CalcidiscError('CASE_NOT_FOUND', `no case of the study ${studyInstanceUid}`);
  const ids = rows.map(({ id }) => id).join(', ');
  throw new CalcidiscError(
    'CASE_AMBIGUOUS',
    `the study has ${rows.length} cases, name one with --case: ${ids}`,
  );
}

interface ReadFile {
  readonly name: string;
  readonly fileSha256: string;
  readonly boxes: readonly MarkupBox[];
  readonly others: number;
}

async function readFiles(paths: readonly string[], problems: string[]): Promise<ReadFile[]> {
  const files: ReadFile[] = [];
  for (const path of paths) {
    const name = basename(path);
    try {
      const bytes = await readFile(path);
      const { boxes, others } = parseMarkups(bytes.toString('utf8'), name);
      files.push({ name, fileSha256: sha256(bytes), boxes, others: others.length });
    } catch (error) {
      problems.push(error instanceof CalcidiscError ? error.message : `${name}: cannot be read`);
    }
  }
  return files;
}

/** The slices that the locator reads, so that drawn and found regions lie on the same images. */
async function stackOf({ config, database }: Context, row: CaseRow) {
  const instances = await listInstances(database.knex, row.mrSeriesInstanceUid);
  const series = await readSeries(instances.map(({ spoolPath }) => join(config.dataDir, spoolPath)));
  const stack = sagittalStack(series);
  if (typeof stack === 'string') throw new CalcidiscError('NOT_ONE_SERIES', stack, { caseId: row.id });
  return { stack, reachMm: (stack.spacingMm ?? series.header.sliceThickness ?? 2) / 2 };
}

type Drawn = Omit<NewReaderRegion, 'caseId' | 'reader' | 'fileSha256' | 'importedBy'>;

/** A box as the region of a disc, or in words why it is none. */
async function regionOf(
  { slices }: Stack<SourceImage>,
  { box, texts, pointLabels }: MarkupBox,
  reachMm: number,
  fileName: string,
): Promise<Drawn | string> {
  const read = readTexts(whereLevelIs(texts, pointLabels, fileName));
  if ('problem' in read) return read.problem;
  const source =
    slices[
      nearestSlice(
        slices.map(({ plane }) => plane),
        box.centre,
      )
    ]!;
  const image = sagittalOf(source);
  const rectangle = rectangleOn(image.plane, box, reachMm);
  if (typeof rectangle === 'string') return rectangle;
  const onImage = mapVector(rectangle.box, tidy);
  const png = await cutRegion(image, onImage);
  return {
    ...read,
    sopInstanceUid: source.sopInstanceUid,
    frame: source.frame,
    centrePatientMm: mapVector(rectangle.centreMm, tidy),
    roiPixel: storedBox(image, onImage),
    distanceMm: tidy(rectangle.distanceMm),
    turnedDegrees: tidy(rectangle.turnedDegrees),
    png,
    pngSha256: sha256(png),
  };
}

/** The name says it, else the points' labels, else the file's name: older versions of Slicer write no other. */
function whereLevelIs(texts: readonly string[], pointLabels: readonly string[], fileName: string) {
  const sources = [texts, [...texts, ...pointLabels], [...texts, ...pointLabels, fileName]] as const;
  return sources.find((source) => source.some(namesLevel)) ?? sources[1];
}

function doubles(regions: readonly NewReaderRegion[]): string[] {
  const byLevel = groupBy(regions, ({ level }) => level);
  return [...byLevel]
    .filter(([, drawn]) => drawn.length > 1)
    .map(([level, drawn]) => `${level} is drawn ${drawn.length} times: which one is meant?`);
}

function store(
  tx: Tx,
  { id, revision }: CaseRow,
  regions: readonly NewReaderRegion[],
  { reader, actor }: ImportRequest,
): Promise<number> {
  return tx.transaction(async (trx) => {
    const stored = await insertReaderRegions(trx, regions);
    await appendAudit(trx, {
      event: 'READER_REGIONS_IMPORTED',
      subjectType: 'case',
      subjectId: id,
      actor,
      detail: {
        reader,
        revision,
        stored,
        levels: regions.map(({ level }) => level),
        files: [...new Set(regions.map(({ fileSha256 }) => fileSha256))],
      },
    });
    return stored;
  });
}
