import type { Tx } from '../../db/server/knex.js';
import type { SeriesRow } from '../../db/tables/series.js';
import type { CaseView } from '../../db/views/caseView.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Files } from '../holders/files.js';
import {
  type GreyWindow,
  imagesOfSeries,
  type PlacedImage,
  type ShownImage,
  seriesOfCase,
  showImage,
} from './images.js';
import type { CaseQuery } from './query.js';

/** What is scrolled through on a case's page. */
export interface Viewer {
  readonly series: readonly SeriesRow[];
  readonly shown: SeriesRow;
  /** The series that the levels were found on. */
  readonly isRead: boolean;
  readonly images: readonly PlacedImage[];
  /** From 1. */
  readonly image: number;
  readonly picture: Omit<ShownImage, 'png'>;
  /** Null: as the image itself says. */
  readonly window: GreyWindow | null;
  readonly zoom: number;
}

type Asked = Pick<CaseQuery, 'series' | 'image' | 'center' | 'width' | 'zoom'>;

/** @returns why there is nothing to scroll through, in words */
export async function viewerOf(
  tx: Tx,
  files: Files | undefined,
  view: CaseView,
  { series: wanted, image, center, width, zoom = 1 }: Asked,
): Promise<Viewer | string> {
  if (!files) return 'only an agent shows the images themselves';
  const series = await seriesOfCase(tx, view);
  const shown =
    series.find(({ seriesInstanceUid }) => seriesInstanceUid === wanted) ??
    series.find(({ seriesInstanceUid }) => seriesInstanceUid === view.mrSeries.seriesInstanceUid);
  if (!shown) return 'there is no such series';
  const isRead = shown.seriesInstanceUid === view.mr?.seriesInstanceUid;
  const window = center !== undefined && width !== undefined ? { center, width } : null;
  try {
    const images = await imagesOfSeries(tx, files, shown.seriesInstanceUid);
    if (images.length === 0) return 'no image of this series is here';
    const first = isRead ? ownImage(images, view) : Math.ceil(images.length / 2);
    const at = Math.min(images.length, Math.max(1, image ?? first));
    const { png: _png, ...picture } = await showImage(files, images[at - 1]!, window);
    return { series, shown, isRead, images, image: at, picture, window, zoom };
  } catch (error) {
    if (error instanceof CalcidiscError) return error.message;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'the images are not there any more';
    throw error;
  }
}

/** Of the slice that was read, from 1. */
function ownImage(images: readonly PlacedImage[], { mr, regions }: CaseView): number {
  const uid = mr?.sliceSopInstanceUid ?? null;
  const frame = regions.find(({ sopInstanceUid }) => sopInstanceUid === uid)?.frameNumber ?? null;
  return Math.max(1, imageOf(images, uid, frame));
}

/** From 1; 0 for none. @param frameNumber from 1; null of an object that is one image */
export function imageOf(
  images: readonly PlacedImage[],
  sopInstanceUid: string | null,
  frameNumber: number | null,
): number {
  const isIt = (each: PlacedImage) =>
    each.sopInstanceUid === sopInstanceUid && (frameNumber === null || each.frame === frameNumber - 1);
  return images.findIndex(isIt) + 1;
}
