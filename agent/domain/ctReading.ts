import type { CtLabel } from './ctLabels.js';
import type { Level } from './levels.js';
import type { ReadingStatus } from './locateStatuses.js';

/** Slices thicker than this mix end plates into the disc, mm: only a find behind it, or none at all, is sure. */
export const THICK_SLICE_MM = 3.5;

/** How a CT's kernel treats edges: a sharp one raises noise, and with it what looks like calcification. */
export type Sharpness = 'soft' | 'medium' | 'sharp';

/** The reconstruction kernel of a CT series. */
export interface CtKernel {
  /** ConvolutionKernel as the scanner wrote it, all values of all images, once each; [] when it named none. */
  readonly names: readonly string[];
  /** Null when neither the name nor the pixels tell. */
  readonly sharpness: Sharpness | null;
  /** What told: the name, by the vendors' table, or the noise in the soft tissue. */
  readonly judgedBy: 'name' | 'noise' | null;
}

/** What the header says of contrast agent: nothing is not the same as none was given. */
export type CtContrast = 'not-said' | 'given' | 'intrathecal';

/** What is known of a CT series that bears on whether its Hounsfield units can be relied on. Lengths in mm. */
export interface CtFacts {
  readonly images: number;
  /** Distance of neighbouring slices; null for one slice. */
  readonly sliceMm: number | null;
  readonly sliceThicknessMm: number | null;
  /** Of the slices against the table's course; 0 for upright ones. */
  readonly gantryTiltDegrees: number;
  /** Why the values are no Hounsfield units, in words; null when they are, as far as header and pixels tell. */
  readonly notHounsfield: string | null;
  /** What was computed instead of reconstructed (a density map, effective Z, virtual non-contrast ...), null for none. */
  readonly derived: string | null;
  readonly kernel: CtKernel;
  /** Standard deviation of the noise in soft tissue; null where too little is seen. */
  readonly noiseHu: number | null;
  readonly contrast: CtContrast;
}

/** One CT series once it was located and measured: what pairing weighs. Structurally a part of locate's CtResult. */
export interface CtReading {
  /** `unreadable`: its files could not be decoded, and reasons say why. */
  readonly status: ReadingStatus;
  readonly reasons: readonly string[];
  /** The discs that were found, measured or not. */
  readonly discs: readonly CtReadingDisc[];
  /** Null for what is unreadable. */
  readonly facts: CtFacts | null;
}

export interface CtReadingDisc {
  readonly level: Level;
  readonly label: CtLabel;
}
