import { join } from 'node:path';
import { type Plane, planeOf } from '../../agent/dicom/geometry.js';
import { readHeader } from '../../agent/dicom/header.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PixelBox } from '../../agent/locate/types.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { findInstance } from '../../db/tables/instances.js';
import { listMeasurements } from '../../db/tables/measurements.js';
import { listRegions, type RegionRow } from '../../db/tables/regions.js';
import { listReaderRegions, type ReaderRegion } from '../../db/views/readerRegions.js';
import { groupBy, mean, quantile } from '../statistics/describe.js';
import { carried, overlapOf } from './rectangle.js';

/** A drawn region beside the automatic ones of its case's current revision. */
export interface Comparison {
  readonly caseId: string;
  readonly reader: string;
  readonly level: Level;
  /** Intersection over union with the automatic region of the same level; null where there is none. */
  readonly iou: number | null;
  /** Whether both lie on the same image; else the automatic one was carried over. */
  readonly isSameImage: boolean;
  /** Another level whose automatic region it fits better: one of the two is named wrongly. */
  readonly fitsBetter: Level | null;
  readonly readerLabel: CtLabel | null;
  readonly ctLabel: CtLabel | null;
}

export interface Summary {
  readonly count: number;
  readonly mean: number | null;
  readonly median: number | null;
  readonly least: number | null;
}

export interface ComparisonReport {
  readonly regions: readonly Comparison[];
  readonly iou: Summary;
  readonly byLevel: Readonly<Record<Level, Summary>>;
  /** Of the discs that both gave a certain label. */
  readonly labels: { readonly both: number; readonly agree: number };
}

export interface CompareFilter {
  readonly caseId?: string;
  readonly reader?: string;
}

type Context = { readonly config: Pick<Config, 'dataDir'>; readonly database: Pick<Database, 'knex'> };

/** Every drawn region (the newest of each reader) beside what the locator found there. */
export async function compareRegions(
  { config, database: { knex } }: Context,
  filter: CompareFilter = {},
): Promise<ComparisonReport> {
  const drawn = await listReaderRegions(knex, filter);
  const planes = planeReader(knex, config.dataDir);
  const regions: Comparison[] = [];
  for (const [caseId, own] of groupBy(drawn, (region) => region.caseId)) {
    const revision: number = (await knex('case').where({ id: caseId }).first('revision')).revision;
    const automatic = await listRegions(knex, caseId, revision);
    const measured = await listMeasurements(knex, caseId, revision);
    for (const region of own) {
      const ctLabel = measured.find(({ level }) => level === region.level)?.label ?? null;
      regions.push(await compareOne(region, automatic, planes, ctLabel));
    }
  }
  return reportOf(regions);
}

async function compareOne(
  region: ReaderRegion,
  automatic: readonly RegionRow[],
  planes: PlaneReader,
  ctLabel: CtLabel | null,
): Promise<Comparison> {
  const overlaps = new Map<Level, number>();
  for (const found of automatic) {
    const box = await onImageOf(region, found, planes);
    if (box) overlaps.set(found.level, overlapOf(region.roiPixel, box));
  }
  const iou = overlaps.get(region.level) ?? null;
  const [best] = [...overlaps].toSorted(([, a], [, b]) => b - a);
  const { caseId, reader, level } = region;
  return {
    caseId,
    reader,
    level,
    iou,
    isSameImage: automatic.find((one) => one.level === level)?.sopInstanceUid === region.sopInstanceUid,
    fitsBetter: best && best[0] !== level && best[1] > (iou ?? 0) ? best[0] : null,
    readerLabel: region.label,
    ctLabel,
  };
}

/** The automatic region in the pixels of the image that the reader drew on; null when an image is not there any more. */
async function onImageOf(
  region: ReaderRegion,
  found: RegionRow,
  planes: PlaneReader,
): Promise<PixelBox | null> {
  // Frames of one object share their pixels' places in the plane.
  if (found.sopInstanceUid === region.sopInstanceUid) return found.roiPixel;
  const [from, to] = [await planes(found.sopInstanceUid), await planes(region.sopInstanceUid)];
  return from && to ? carried(from, found.roiPixel, to) : null;
}

type PlaneReader = (sopInstanceUid: string) => Promise<Plane | null>;

function planeReader(tx: Tx, dataDir: string): PlaneReader {
  const known = new Map<string, Plane | null>();
  return async (sopInstanceUid) => {
    if (!known.has(sopInstanceUid)) {
      const instance = await findInstance(tx, sopInstanceUid);
      const header = instance && (await readHeader(join(dataDir, instance.spoolPath)).catch(() => null));
      const plane = header && planeOf(header);
      known.set(sopInstanceUid, plane && typeof plane !== 'string' ? plane : null);
    }
    return known.get(sopInstanceUid)!;
  };
}

function reportOf(regions: readonly Comparison[]): ComparisonReport {
  const certain = regions.filter(({ readerLabel, ctLabel }) => isCertain(readerLabel) && isCertain(ctLabel));
  return {
    regions,
    iou: summaryOf(regions),
    byLevel: Object.fromEntries(
      LEVELS.map((level) => [level, summaryOf(regions.filter((region) => region.level === level))]),
    ) as Record<Level, Summary>,
    labels: {
      both: certain.length,
      agree: certain.filter(({ readerLabel, ctLabel }) => readerLabel === ctLabel).length,
    },
  };
}

function isCertain(label: CtLabel | null): boolean {
  return label !== null && label !== 'indeterminate';
}

function summaryOf(regions: readonly Comparison[]): Summary {
  const values = regions.flatMap(({ iou }) => iou ?? []).toSorted((a, b) => a - b);
  const count = values.length;
  if (count === 0) return { count, mean: null, median: null, least: null };
  return { count, mean: mean(values), median: quantile(values, 0.5), least: values[0]! };
}
