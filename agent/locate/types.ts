import type { CtLabel } from '../domain/ctLabels.js';
import type { CtFacts } from '../domain/ctReading.js';
import type { Level } from '../domain/levels.js';
import type { LocateStatus } from '../domain/locateStatuses.js';
import type { PictureFigures } from '../domain/pictureFigures.js';
import type { SliceGrey } from '../domain/sliceGrey.js';

/** [x, y, z] in the patient's LPS frame, millimetres (PS3.3 C.7.6.2.1.1). */
export type PointMm = readonly [x: number, y: number, z: number];
/** [column, row], the centre of the first pixel is [0, 0]. */
export type PixelPoint = readonly [col: number, row: number];
/** [col0, row0, col1, row1], the outer edges of a region in pixel units of the slice it lies on. */
export type PixelBox = readonly [col0: number, row0: number, col1: number, row1: number];

/** One disc as `calcidisc locate --json` prints it. */
export interface LocatedDisc {
  readonly level: Level;
  readonly centrePatientMm: PointMm;
  readonly centrePixel: PixelPoint;
  readonly roiPixel: PixelBox;
  /** 0..1: how often a level that is stated so is right, as far as validation says (agent/domain/levelConfidence.ts). */
  readonly confidence: number;
  /** The disc's own best slice, where a sideways curve makes it another than the result's; pixels are then its. */
  readonly slice?: LocatedSlice;
}

/** The image the discs are drawn on. For CT it is a reformat, and names the axial image nearest its middle. */
export interface LocatedSlice {
  readonly sopInstanceUid: string;
  /** Of a multi-frame object, from 1. */
  readonly frameNumber?: number;
  readonly index: number;
  readonly count: number;
}

/** The answer of `calcidisc locate`: expected outcomes are values, not exceptions. */
export interface LocateResult {
  readonly modality: 'MR' | 'CT';
  readonly seriesInstanceUid: string;
  readonly status: LocateStatus;
  readonly reasons: readonly string[];
  readonly slice: LocatedSlice | null;
  readonly discs: readonly LocatedDisc[];
}

/** One disc as `calcidisc ct --json` prints it. */
export interface CtDisc extends LocatedDisc {
  readonly label: CtLabel;
  /** Mean and maximum over the calcified region, or over the disc when there is none; null without a measurement. */
  readonly meanHu: number | null;
  readonly maxHu: number | null;
  /** Area of the calcified region on the sagittal plane where it is largest. */
  readonly areaMm2: number;
  readonly volumeMm3: number;
  /** Where the calcified region lies in the disc, front to back; null without one. */
  readonly location: CtLocation | null;
  /** Another finding that was met instead of a calcified disc. */
  readonly finding?: string;
}

export type CtLocation = 'anterior' | 'central' | 'posterior';

export interface CtResult extends Omit<LocateResult, 'discs'> {
  readonly discs: readonly CtDisc[];
  /** What bears on whether its units can be relied on. */
  readonly facts: CtFacts;
}

/** Which network found the discs: stored with every result. */
export interface ModelIdentity {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** What the locate thread hands back: the printed result plus the pixels to be kept. */
export interface Located<R extends LocateResult | CtResult = LocateResult> {
  readonly result: R;
  readonly localiser: ModelIdentity;
  /** 8-bit grey PNG of the slice, as the radiologist would window it. */
  readonly slicePng: Uint8Array | null;
  /** Millimetres per pixel of the slice, [row spacing, column spacing] as in PixelSpacing. */
  readonly pixelSpacingMm: readonly [row: number, col: number] | null;
  /** How its stored values became those greys; MR only. */
  readonly sliceGrey?: SliceGrey | null;
  /** MR only; null where no disc was found. */
  readonly pictureFigures?: PictureFigures | null;
  /** The exact 224 by 224 8-bit grey PNG the classifier will see, one per disc (MR only). */
  readonly regions: readonly RegionImage[];
  readonly milliseconds: number;
}

export interface RegionImage {
  readonly level: Level;
  readonly png: Uint8Array;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}
