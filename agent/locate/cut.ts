import { mapVector } from '../dicom/geometry.js';
import { REGION_SIDE } from '../domain/regionPicture.js';
import { greyPng } from './png.js';
import { GREY_PERCENTILES, regionPixels } from './region.js';
import { percentiles } from './resample.js';
import type { SagittalImage } from './sagittal.js';
import type { PixelBox } from './types.js';

/** The classifier's picture of a rectangle of a slice, in the picture's own convention; grey from the whole slice. */
export function cutRegion(image: SagittalImage, box: PixelBox): Promise<Uint8Array> {
  return greyPng(regionPixels(image, box, ...greyRange(image)), REGION_SIDE, REGION_SIDE);
}

const greyRanges = new WeakMap<SagittalImage, [low: number, high: number]>();

/** Of the whole slice, which most discs share: counted once. */
export function greyRange(image: SagittalImage): [low: number, high: number] {
  const range = greyRanges.get(image) ?? (percentiles(image.pixels, GREY_PERCENTILES) as [number, number]);
  greyRanges.set(image, range);
  return range;
}

/** A rectangle of the picture in stored pixels. */
export function storedBox(image: SagittalImage, [col0, row0, col1, row1]: PixelBox): PixelBox {
  const a = image.toStored([col0, row0]);
  const b = image.toStored([col1, row1]);
  const box: PixelBox = [
    Math.min(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[0], b[0]),
    Math.max(a[1], b[1]),
  ];
  return mapVector(box, tidy);
}

/** Three decimals: a micrometre, and a number that reads back as printed. */
export function tidy(value: number): number {
  return Math.round(value * 1000) / 1000;
}
