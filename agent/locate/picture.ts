import sharp from 'sharp';
import { confidenceWord } from '../domain/levelConfidence.js';
import type { CtDisc, LocatedDisc, LocateResult } from './types.js';

/** Colours of the five levels from above down, readable on grey. */
const COLOURS = ['#ffd166', '#06d6a0', '#4cc9f0', '#f78c6b', '#ef476f'];
const STATUS_COLOURS = { located: '#06d6a0', uncertain: '#ffd166', 'not-found': '#ef476f' } as const;
const HEIGHT_PX = 900;
const LINE_PX = 20;
/** Of a sans-serif letter of 14 pixels, on average. */
const LETTER_PX = 7.2;

/**
 * The slice with each disc's region, centre, level and confidence in a word drawn on it, the reasons above. A level that
 * is in doubt bears a question mark: the word holds only if the reasons do not.
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
  const lines = wrapped([result.status, ...result.reasons].join(' · '), (shown.width - 16) / LETTER_PX);
  const bar = 10 + LINE_PX * lines.length;
  const y = (row: number) => (row + 0.5) * scale + bar;
  const discs = result.discs
    .map((disc, i) => discSvg(disc, nameOf(disc, result.status), x, y, COLOURS[i % COLOURS.length]!))
    .join('');
  const text = lines
    .map((line, i) => `<tspan x="8" y="${LINE_PX * (i + 1)}">${escapeXml(line)}</tspan>`)
    .join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${shown.width}" height="${HEIGHT_PX + bar}">
    <rect width="100%" height="${bar}" fill="#111"/>
    <text font-family="sans-serif" font-size="14" fill="${STATUS_COLOURS[result.status]}">${text}</text>
    ${discs}</svg>`;
  const picture = await sharp(slicePng)
    .resize({ ...shown, fit: 'fill' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  return sharp({
    create: { width: shown.width, height: HEIGHT_PX + bar, channels: 3, background: '#111' },
  })
    .composite([
      { input: picture, left: 0, top: bar },
      { input: Buffer.from(svg), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
}

/** Words in lines of at most so many letters; a longer word has a line of its own. */
export function wrapped(text: string, letters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function nameOf(disc: LocatedDisc, status: LocateResult['status']): string {
  return status === 'located' ? `${disc.level} ${confidenceWord(disc.confidence)}` : `${disc.level}?`;
}

function discSvg(
  disc: LocatedDisc | CtDisc,
  name: string,
  x: (col: number) => number,
  y: (row: number) => number,
  colour: string,
): string {
  const [col0, row0, col1, row1] = disc.roiPixel;
  const label = 'label' in disc ? `, ${disc.label}` : '';
  const hu = 'meanHu' in disc && disc.meanHu !== null ? ` ${disc.meanHu.toFixed(0)} HU` : '';
  const text = `${name}${label}${hu}`;
  return `<rect x="${x(col0)}" y="${y(row0)}" width="${x(col1) - x(col0)}" height="${y(row1) - y(row0)}" fill="none" stroke="${colour}" stroke-width="2"/>
    <circle cx="${x(disc.centrePixel[0])}" cy="${y(disc.centrePixel[1])}" r="3" fill="${colour}"/>
    <text x="${x(col1) + 6}" y="${y(disc.centrePixel[1]) + 5}" font-family="sans-serif" font-size="15" fill="${colour}" stroke="#000" stroke-width="3" paint-order="stroke">${escapeXml(text)}</text>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
