import type { Level } from '../../agent/domain/levels.js';
import type { CtResult, Located, LocateResult, PixelBox, PointMm } from '../../agent/locate/types.js';
import type { TrueDisc, TrueSeries } from './locateTruth.js';

/** How one series came out. */
export interface Score {
  readonly name: string;
  readonly status: LocateResult['status'];
  readonly reasons: readonly string[];
  /** Lumbar discs that the truth has on the slice chosen. */
  readonly present: number;
  /** Found discs whose nearest true disc bears their name. */
  readonly right: number;
  readonly wrong: readonly Level[];
  /** Of every disc that is right or wrong: the confidence stated, and which it is. */
  readonly stated: readonly { readonly confidence: number; readonly isRight: boolean }[];
  readonly missed: readonly Level[];
  readonly errorsMm: readonly number[];
  readonly overlaps: readonly number[];
  readonly milliseconds: number;
}

/** Farther than this from every true disc a found one is a wrong one. */
const SAME_DISC_MM = 15;

/** @param marginMm of the regions; the truth's region is its mask's box and as much more */
export function scoreOf(
  name: string,
  truth: TrueSeries,
  { result, milliseconds, pixelSpacingMm }: Located<LocateResult | CtResult>,
  marginMm: number,
): Score {
  const discsOn = (slice: { sopInstanceUid: string } | null) =>
    truth.discs.get(truth.modality === 'CT' ? '' : (slice?.sopInstanceUid ?? '')) ?? [];
  const shown = discsOn(result.slice);
  const wrong: Level[] = [];
  const stated: { confidence: number; isRight: boolean }[] = [];
  const errorsMm: number[] = [];
  const overlaps: number[] = [];
  for (const disc of result.discs) {
    const known = discsOn(disc.slice ?? result.slice);
    const nearest = nearestDisc(known, disc.centrePatientMm);
    // A disc that the truth does not speak of is neither right nor wrong.
    if (!nearest && !known.some(({ level }) => level === disc.level)) continue;
    stated.push({ confidence: disc.confidence, isRight: nearest?.level === disc.level });
    if (!nearest || nearest.level !== disc.level) wrong.push(disc.level);
    else {
      errorsMm.push(distance(nearest.centrePatientMm, disc.centrePatientMm));
      if (nearest.boxPixel && pixelSpacingMm)
        overlaps.push(overlap(disc.roiPixel, grown(nearest.boxPixel, marginMm, pixelSpacingMm)));
    }
  }
  const found = new Set(result.discs.map(({ level }) => level));
  return {
    name,
    status: result.status,
    reasons: result.reasons,
    present: shown.length,
    right: errorsMm.length,
    wrong,
    stated,
    missed: shown.map(({ level }) => level).filter((level) => !found.has(level)),
    errorsMm,
    overlaps,
    milliseconds,
  };
}

function nearestDisc(discs: readonly TrueDisc[], point: PointMm): TrueDisc | null {
  const sorted = [...discs].sort(
    (a, b) => distance(a.centrePatientMm, point) - distance(b.centrePatientMm, point),
  );
  const nearest = sorted[0];
  return nearest && distance(nearest.centrePatientMm, point) <= SAME_DISC_MM ? nearest : null;
}

function distance(a: PointMm, b: PointMm): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function grown(
  [col0, row0, col1, row1]: PixelBox,
  marginMm: number,
  spacing: readonly [number, number],
): PixelBox {
  const [down, along] = [marginMm / spacing[0], marginMm / spacing[1]];
  return [col0 - along, row0 - down, col1 + along, row1 + down];
}

function overlap(a: PixelBox, b: PixelBox): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box: PixelBox) => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / (area(a) + area(b) - width * height);
}

export interface Summary {
  readonly series: number;
  readonly located: number;
  readonly uncertain: number;
  readonly notFound: number;
  /** Series that are `located` and have a wrong level: the number that must be 0. */
  readonly wrongAndLocated: number;
  /** Series of which the result says that the scan is not one the models know. */
  readonly outside: number;
  readonly present: number;
  readonly right: number;
  readonly wrong: number;
  readonly missed: number;
  readonly medianMm: number;
  readonly p95Mm: number;
  readonly medianOverlap: number;
  readonly medianMs: number;
}

export function summarise(scores: readonly Score[]): Summary {
  const count = (status: LocateResult['status']) => scores.filter((score) => score.status === status).length;
  const sum = (value: (score: Score) => number) => scores.reduce((total, score) => total + value(score), 0);
  const errors = scores.flatMap(({ errorsMm }) => errorsMm);
  return {
    series: scores.length,
    located: count('located'),
    uncertain: count('uncertain'),
    notFound: count('not-found'),
    wrongAndLocated: scores.filter(({ status, wrong }) => status === 'located' && wrong.length > 0).length,
    outside: scores.filter(({ reasons }) => reasons.some((reason) => reason.startsWith('outside the study')))
      .length,
    present: sum(({ present }) => present),
    right: sum(({ right }) => right),
    wrong: sum(({ wrong }) => wrong.length),
    missed: sum(({ missed }) => missed.length),
    medianMm: quantile(errors, 0.5),
    p95Mm: quantile(errors, 0.95),
    medianOverlap: quantile(
      scores.flatMap(({ overlaps }) => overlaps),
      0.5,
    ),
    medianMs: quantile(
      scores.map(({ milliseconds }) => milliseconds),
      0.5,
    ),
  };
}

/** Between the two nearest values, as NumPy and R do unless told otherwise (type 7 of Hyndman and Fan). */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (at - Math.floor(at));
}
