import sharp from 'sharp';
import type { CtDisc, LocatedDisc, LocateResult } from './types.js';

/** Colours of the five levels from above down, readable on grey. */
const COLOURS = ['#ffd166', '#06d6a0', '#4cc9f0', '#f78c6b', '#ef476f'];
const STATUS_COLOURS = { located: '#06d6a0', uncertain: '#ffd166', 'not-found': '#ef476f' } as const;
const HEIGHT_PX = 900;
const BAR_PX = 30;

/**
 * The slice with each disc's region, centre, level and confidence drawn on it.
 * @param spacingMm [row, column]: pixels are shown square
 */
export async function drawResult(
  slicePng: Uint8Array,
  spacingMm: readonly [number, number],
  result: Pick<LocateResult, 'status' | 'reasons'> & { readonly discs: readonly LocatedDisc[] },
): Promise<Uint8Array> {
  const { width, height } = await sharp(slicePng).metadata();
  const scale = HEIGHT_PX / height;
  const stretch = spacingMm[1] / spacingMm[0];
  const shown = { width: Math.round(width * scale * stretch), height: HEIGHT_PX };
  const x = (col: number) => (col + 0.5) * scale * stretch;
  const y = (row: number) => (row + 0.5) * scale + BAR_PX;
  const discs = result.discs.map((disc, i) => discSvg(disc, x, y, COLOURS[i % COLOURS.length]!)).join('');
  const line = [result.status, ...result.reasons].join(' · ');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${shown.width}" height="${HEIGHT_PX + BAR_PX}">
    <rect width="100%" height="${BAR_PX}" fill="#111"/>
    <text x="8" y="20" font-family="sans-serif" font-size="14" fill="${STATUS_COLOURS[result.status]}">${escapeXml(line)}</text>
    ${discs}</svg>`;
  const picture = await sharp(slicePng)
    .resize({ ...shown, fit: 'fill' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  return sharp({
    create: { width: shown.width, height: HEIGHT_PX + BAR_PX, channels: 3, background: '#111' },
  })
    .composite([
      { input: picture, left: 0, top: BAR_PX },
      { input: Buffer.from(svg), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
}

function discSvg(
  disc: LocatedDisc | CtDisc,
  x: (col: number) => number,
  y: (row: number) => number,
  colour: string,
): string {
  const [col0, row0, col1, row1] = disc.roiPixel;
  const label = 'label' in disc ? `, ${disc.label}` : '';
  const hu = 'meanHu' in disc && disc.meanHu !== null ? ` ${disc.meanHu.toFixed(0)} HU` : '';
  const text = `${disc.level} ${(disc.confidence * 100).toFixed(0)}%${label}${hu}`;
  return `<rect x="${x(col0)}" y="${y(row0)}" width="${x(col1) - x(col0)}" height="${y(row1) - y(row0)}" fill="none" stroke="${colour}" stroke-width="2"/>
    <circle cx="${x(disc.centrePixel[0])}" cy="${y(disc.centrePixel[1])}" r="3" fill="${colour}"/>
    <text x="${x(col1) + 6}" y="${y(disc.centrePixel[1]) + 5}" font-family="sans-serif" font-size="15" fill="${colour}" stroke="#000" stroke-width="3" paint-order="stroke">${escapeXml(text)}</text>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
