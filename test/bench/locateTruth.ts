import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLevel, LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PixelBox, PointMm } from '../../agent/locate/types.js';

/** A disc as truth.json has it. */
export interface TrueDisc {
  readonly level: Level;
  readonly centrePatientMm: PointMm;
  /** The mask's bounding box, pixels of its slice; absent where the truth has no pixels (CT). */
  readonly boxPixel: PixelBox | null;
}

/** A folder of DICOM files with its truth.json. */
export interface TrueSeries {
  readonly folder: string;
  readonly files: readonly string[];
  readonly modality: 'MR' | 'CT';
  /** By SOP Instance UID for MR; one list under '' for CT. */
  readonly discs: ReadonlyMap<string, readonly TrueDisc[]>;
}

type RawDiscs = Readonly<Record<string, { centrePatientMm: number[]; boxPixel?: number[] }>>;
interface RawTruth {
  readonly modality?: string;
  readonly slices?: readonly { sopInstanceUid: string; discs: RawDiscs }[];
  readonly discs?: RawDiscs;
}

/** Every folder at or below `root` that has a truth.json of one series. */
export function trueSeriesUnder(root: string): readonly TrueSeries[] {
  const entries = readdirSync(root, { withFileTypes: true });
  const own = entries.some(({ name }) => name === 'truth.json') ? readTruth(root) : null;
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
  return [...(own ? [own] : []), ...below.sort().flatMap(trueSeriesUnder)];
}

/** The DICOM files of a folder, sorted. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dcm'))
    .sort()
    .map((name) => join(folder, name));
}

function readTruth(folder: string): TrueSeries | null {
  const raw: RawTruth = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'));
  const files = filesIn(folder);
  if ((raw.modality !== 'MR' && raw.modality !== 'CT') || files.length === 0) return null;
  const lists = raw.slices
    ? raw.slices.map(
        ({ sopInstanceUid, discs }) => [sopInstanceUid, withoutFragments(discsOf(discs))] as const,
      )
    : [['', discsOf(raw.discs ?? {})] as const];
  return {
    folder,
    files,
    modality: raw.modality,
    discs: new Map(lists),
  };
}

/** What lies nearer to the disc below it than this, and is less than half as wide, is a fragment of it. */
const FRAGMENT_MM = 20;

/** MR masks name discs from below: a fragment named as a disc has moved every name above it, which is undone here. */
function withoutFragments(discs: readonly TrueDisc[]): readonly TrueDisc[] {
  const upwards = [...discs].sort((a, b) => a.centrePatientMm[2] - b.centrePatientMm[2]);
  const width = ({ boxPixel }: TrueDisc) => (boxPixel ? boxPixel[2] - boxPixel[0] : Number.POSITIVE_INFINITY);
  const kept = upwards.filter((disc, i) => {
    const below = upwards[i - 1];
    if (!below) return true;
    const isNear = disc.centrePatientMm[2] - below.centrePatientMm[2] < FRAGMENT_MM;
    return !isNear || width(disc) * 2 >= width(below);
  });
  if (kept.length === discs.length) return discs;
  const names = [...LEVELS].reverse();
  return kept.map((disc, i) => ({ ...disc, level: names[i]! }));
}

function discsOf(raw: RawDiscs): readonly TrueDisc[] {
  return Object.entries(raw).flatMap(([level, { centrePatientMm, boxPixel }]) =>
    isLevel(level)
      ? [
          {
            level,
            centrePatientMm: centrePatientMm as unknown as PointMm,
            boxPixel: boxPixel ? (boxPixel as unknown as PixelBox) : null,
          },
        ]
      : [],
  );
}
