import { patientToIndex, type Vector } from '../dicom/geometry.js';
import type { Look } from './looks.js';
import { bilinear } from './resample.js';

/** Behind the middle of a vertebra, so far from the disc's find up and down the canal. */
const FROM_MM = 14;
const TO_MM = 24;
/** A little further behind than the find's middle: the body's own wall is bone everywhere. */
const BEHIND_MM = 1;
/** Of those places, above and below, that are as dense. */
const MIN_SHARE = 0.7;

/**
 * Whether what was found behind a disc goes on behind the vertebrae above and below it: an ossified posterior
 * longitudinal ligament, which is another finding than a calcified herniation (continuous or mixed type, Tsuyama, Clin
 * Orthop 184:71, 1984). One of the segmental type, behind a body alone, is not met at a disc.
 * @param along the disc's direction to posterior, [to posterior, to inferior]
 */
export function isLigament(
  planes: readonly Look[],
  centreMm: Vector,
  along: readonly [number, number],
  huLow: number,
): boolean {
  const off = ({ positionMm }: Look) => Math.abs(positionMm - centreMm[0]);
  const { image } = planes.reduce((a, b) => (off(b) < off(a) ? b : a));
  const [col, row] = patientToIndex(image.plane, centreMm);
  const [perRow, perCol] = image.plane.spacingMm;
  const isDense = (spineMm: number) => {
    // Along the disc to the back, and at a right angle to it down the spine.
    const backMm = BEHIND_MM * along[0] - spineMm * along[1];
    const downMm = BEHIND_MM * along[1] + spineMm * along[0];
    return bilinear(image, col + backMm / perCol, row + downMm / perRow) >= huLow;
  };
  return [-1, 1].every((side) => {
    const places = Array.from({ length: TO_MM - FROM_MM + 1 }, (_, i) => side * (FROM_MM + i));
    return places.filter(isDense).length >= MIN_SHARE * places.length;
  });
}
