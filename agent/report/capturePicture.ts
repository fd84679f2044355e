import sharp from 'sharp';
import type { SliceGrey } from '../domain/sliceGrey.js';
import { wrapped } from '../locate/picture.js';
import type { PixelBox } from '../locate/types.js';
import { answerLine } from './answerLine.js';
import { resultOf } from './answers.js';
import { VALUE } from './codes.js';
import { conclusion } from './evaluations.js';
import type { ReportDisc, ReportInput } from './types.js';

/** The slice that was read, as it is stored: 8-bit grey PNG. */
export interface CaptureSlice {
  readonly png: Uint8Array;
  /** [row spacing, column spacing] */
  readonly pixelSpacingMm: readonly [number, number];
  /** How its stored values became those greys; absent for what an older version read. */
  readonly grey?: SliceGrey | null;
}

export interface CapturePicture {
  readonly width: number;
  readonly height: number;
  /** RGB, row by row. */
  readonly pixels: Uint8Array;
}

/** The slice alone is so high; words stand above and below it. */
const SLICE_PX = 1200;
const LEAST_WIDTH_PX = 1024;
const LINE_PX = 34;
const LETTER_PX = 13;
const MARGIN_PX = 16;
/** Left free above and below: viewers write their own words into the corners. */
const VIEWERS_PX = 140;
export const FOOT = 'AI, research only, not for diagnosis. Not verified by anybody.';

/** Told apart in grey too: a flagged disc by a thick, whole line, any other by a thin, broken one. */
const LINE_OF = {
  flagged: 'stroke="#ffb000" stroke-width="5"',
  plain: 'stroke="#cfe8ff" stroke-width="2" stroke-dasharray="9 7"',
} as const;

/**
 * The mid-sagittal slice with every disc's region and answer, the conclusion and every doubt above, what it is below:
 * for viewers that show pictures and no Structured Report. Without a slice (nothing was found) the words alone.
 */
export async function drawCapture(input: ReportInput, found: CaptureSlice | null): Promise<CapturePicture> {
  const slice = found ?? { png: await nothing(), pixelSpacingMm: [1, 1] as const };
  const { width: columns, height: rows } = await sharp(slice.png).metadata();
  const scaleY = SLICE_PX / rows;
  const scaleX = (scaleY * slice.pixelSpacingMm[1]) / slice.pixelSpacingMm[0];
  const shown = Math.round(columns * scaleX);
  // Beside the discs there is room for their words.
  const width = Math.max(LEAST_WIDTH_PX, shown + 420);
  const head = headLines(input, width);
  const top = VIEWERS_PX + MARGIN_PX + LINE_PX * head.length;
  const foot = top + SLICE_PX + LINE_PX;
  const height = foot + VIEWERS_PX;
  const at: Placing = { scaleX, scaleY, left: 0, top, wordsAt: shown + MARGIN_PX };
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif">
    ${head.map((line, i) => words(line, MARGIN_PX, VIEWERS_PX + LINE_PX * (i + 1), i === 0 ? 28 : 22)).join('')}
    ${input.discs.map((disc) => discMark(input, disc, at)).join('')}
    ${words(FOOT, MARGIN_PX, foot, 22)}</svg>`;
  const picture = await sharp(slice.png)
    .resize({ width: shown, height: SLICE_PX, fit: 'fill', kernel: 'cubic' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const pixels = await sharp({ create: { width, height, channels: 3, background: '#000' } })
    .composite([
      { input: picture.data, raw: picture.info, left: 0, top },
      { input: Buffer.from(overlay), left: 0, top: 0 },
    ])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { width, height, pixels };
}

function nothing(): Promise<Uint8Array> {
  return sharp({ create: { width: 4, height: 6, channels: 3, background: '#202020' } })
    .png()
    .toBuffer();
}

/** The conclusion, then whatever is doubted. */
function headLines(input: ReportInput, width: number): readonly string[] {
  const { status, reasons } = input.localisation;
  const doubt = reasons.length > 0 ? [`Levels ${status}: ${reasons.join('; ')}.`] : [];
  const letters = (width - 2 * MARGIN_PX) / LETTER_PX;
  return [conclusion(input), ...doubt].flatMap((line) => wrapped(line, letters));
}

interface Placing {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly left: number;
  readonly top: number;
  readonly wordsAt: number;
}

function discMark(input: ReportInput, disc: ReportDisc, at: Placing): string {
  const [x0, y0, x1, y1] = placed(disc.roiPixel, at);
  const isFlagged = resultOf(disc) === VALUE.present;
  const middle = (y0 + y1) / 2;
  const line = `x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" fill="none"`;
  const said = wrapped(answerLine(input, disc).replace('. AI, research only', ''), 30);
  return `<rect ${line} stroke="#000" stroke-width="${isFlagged ? 9 : 5}" opacity="0.6"/>
    <rect ${line} ${isFlagged ? LINE_OF.flagged : LINE_OF.plain}/>
    <line x1="${x1}" y1="${middle}" x2="${at.wordsAt - 6}" y2="${middle}" stroke="#888" stroke-width="1"/>
    ${said.map((text, i) => words(text, at.wordsAt, middle + 8 + 27 * (i - (said.length - 1) / 2), 21, isFlagged)).join('')}`;
}

function placed([col0, row0, col1, row1]: PixelBox, { scaleX, scaleY, left, top }: Placing): PixelBox {
  return [
    left + (col0 + 0.5) * scaleX,
    top + (row0 + 0.5) * scaleY,
    left + (col1 + 0.5) * scaleX,
    top + (row1 + 0.5) * scaleY,
  ];
}

function words(text: string, x: number, y: number, size: number, bold = false): string {
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${x}" y="${y}" font-size="${size}"${weight} fill="#fff">${escapeXml(text)}</text>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
