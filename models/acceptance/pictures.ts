import sharp from 'sharp';
import { CT_LABELS } from '../../agent/domain/ctLabels.js';
import type { Tx } from '../../db/server/knex.js';
import { type DiscPictures, readDiscPictures } from '../../db/views/acceptance.js';
import type { JudgedDisc } from './figures.js';

/** A disc as it stands in the report: the region on MR beside the same disc on CT. */
export interface DiscFigure {
  readonly heading: string;
  readonly says: string;
  readonly ct: string;
  /** Null: deleted by policy. */
  readonly mrPng: Uint8Array | null;
  readonly ctPng: Uint8Array | null;
}

const SIDE_PX = 224;
/** Beyond the measured box, so that the disc is seen among its neighbours. */
const AROUND = 0.6;

export async function discFigures(knex: Tx, discs: readonly JudgedDisc[]): Promise<DiscFigure[]> {
  const figures: DiscFigure[] = [];
  for (const disc of discs) {
    const pictures = await readDiscPictures(knex, disc.regionId);
    if (!pictures) continue;
    const { caseId, level, answer, probability, threshold, ctLabel, meanHu, maxHu } = disc;
    figures.push({
      heading: `${level}, case ${caseId.slice(0, 8)}`,
      says: `${answer === 'calcified' ? 'flagged' : 'not flagged'}: ${percent(probability)}, calcified from ${percent(threshold)}`,
      ct: `CT ${ctLabel ? CT_LABELS[ctLabel].words : 'says nothing'}${hounsfield('mean', meanHu)}${hounsfield('max', maxHu)}`,
      mrPng: pictures.mrPng,
      ctPng: await ctCrop(pictures),
    });
  }
  return figures;
}

function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`;
}

function hounsfield(what: string, value: number | null): string {
  return value === null ? '' : `, ${what} ${Math.round(value)} HU`;
}

/** The measured box, drawn, and what lies around it; pixels shown square whatever the spacing. */
async function ctCrop({ ctSlicePng, ctRoiPixel, ctSpacingMm }: DiscPictures): Promise<Uint8Array | null> {
  if (!ctSlicePng || !ctRoiPixel) return null;
  const { width, height } = await sharp(ctSlicePng).metadata();
  const [rowMm, colMm] = ctSpacingMm ?? [1, 1];
  const [col0, row0, col1, row1] = ctRoiPixel;
  const sideMm = Math.max((col1 - col0) * colMm, (row1 - row0) * rowMm) * (1 + 2 * AROUND);
  const [columns, rows] = [Math.round(sideMm / colMm), Math.round(sideMm / rowMm)];
  const left = clamp(Math.round((col0 + col1) / 2 - columns / 2), width - columns);
  const top = clamp(Math.round((row0 + row1) / 2 - rows / 2), height - rows);
  const shown = { left, top, width: Math.min(columns, width), height: Math.min(rows, height) };
  const scale = { x: SIDE_PX / shown.width, y: SIDE_PX / shown.height };
  // Outer edges of the box have pixel centres at whole numbers: the picture's left edge is at -0.5.
  const box =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE_PX}" height="${SIDE_PX}">` +
    `<rect x="${(col0 + 0.5 - left) * scale.x}" y="${(row0 + 0.5 - top) * scale.y}" width="${(col1 - col0) * scale.x}" ` +
    `height="${(row1 - row0) * scale.y}" fill="none" stroke="#ffb000" stroke-dasharray="6 4"/></svg>`;
  const crop = await sharp(ctSlicePng)
    .extract(shown)
    .resize({ width: SIDE_PX, height: SIDE_PX, fit: 'fill' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  return sharp(crop)
    .composite([{ input: Buffer.from(box) }])
    .png()
    .toBuffer();
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(value, Math.max(0, most)));
}
