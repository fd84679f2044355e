import { CT_LABELS } from '../domain/ctLabels.js';
import { percentWords, SAID } from './answerLine.js';
import { measurementOf, resultOf, scoreOf, unstatedWords } from './answers.js';
import { type CaptureSlice, FOOT } from './capturePicture.js';
import { VALUE } from './codes.js';
import { type Style, Writer } from './documentText.js';
import { conclusion, recommendation, remarks } from './evaluations.js';
import { certaintyWords } from './measurements.js';
import type { ReportDisc, ReportInput } from './types.js';
import { localDateTime, offsetOf, utcOffset } from './values.js';

type Document = PDFKit.PDFDocument;

/** A4, points. */
const [WIDTH, HEIGHT] = [595.28, 841.89];
const MARGIN = 40;
const INNER = WIDTH - 2 * MARGIN;
const PICTURE = { width: 190, height: 300 } as const;
const GAP = 16;
const QUIET = '#444';

/**
 * One page to print: conclusion, doubts, picture, table of the discs, pairing, provenance, and what this is. It bears
 * no name, number or birth date of the patient: they are in the object's header, as with the picture.
 * @returns the same bytes for the same input
 */
export async function drawPage(input: ReportInput, slice: CaptureSlice | null): Promise<Uint8Array> {
  // Only who makes one loads the library.
  const { default: PdfDocument } = await import('pdfkit');
  const document = new PdfDocument({
    size: 'A4',
    margin: 0,
    // The bytes are a matter of the input alone.
    info: {
      Title: input.seriesDescription,
      Producer: 'Calcidisc',
      Creator: 'Calcidisc',
      CreationDate: input.createdAt,
    },
  });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => document.on('end', resolve));
  const writer = new Writer(document);
  const below = head(document, writer, input);
  const ends = [picture(document, writer, input, slice, below), table(document, writer, input, below)];
  words(writer, input, Math.max(...ends) + GAP);
  writer.write(FOOT, MARGIN, HEIGHT - MARGIN, INNER, { size: 9, isBold: true });
  document.end();
  await ended;
  // A copy that owns its memory, so that a thread can hand it on.
  return Uint8Array.from(Buffer.concat(chunks));
}

/** @returns where what comes below begins */
function head(document: Document, writer: Writer, input: ReportInput): number {
  document.rect(0, 0, WIDTH, 24).fill('#1c2833');
  writer.write(FOOT, MARGIN, 7, INNER, { size: 9, isBold: true, colour: '#fff' });
  const { da, tm } = localDateTime(input.createdAt, offsetOf(input));
  const at = `${da.slice(0, 4)}-${da.slice(4, 6)}-${da.slice(6)} ${tm.slice(0, 2)}:${tm.slice(2, 4)}`;
  const { study, revision } = input;
  const facts = [
    study.accessionNumber && `Accession number ${study.accessionNumber}`,
    study.date && `study of ${study.date}`,
    study.description,
    `report ${revision === 1 ? '' : `revision ${revision} `}of ${at} ${utcOffset(offsetOf(input))}`,
  ];
  let y = writer.write(input.seriesDescription, MARGIN, 36, INNER, { size: 15, isBold: true });
  y = writer.write(facts.filter(Boolean).join(' · '), MARGIN, y, INNER, { size: 8.5, colour: QUIET });
  y = writer.write(`Study ${study.studyInstanceUid}`, MARGIN, y, INNER, { size: 7, colour: QUIET });
  y = writer.write(conclusion(input), MARGIN, y + 8, INNER, { size: 13, isBold: true });
  for (const doubt of doubts(input))
    y = writer.write(doubt, MARGIN, y + 2, INNER, { size: 10, isBold: true });
  return y + GAP;
}

function doubts(input: ReportInput): readonly string[] {
  const { status, reasons } = input.localisation;
  const next = recommendation(input);
  return [
    ...(reasons.length > 0 ? [`Levels ${status}: ${shortened(reasons.join('; '), 400)}.`] : []),
    ...(next ? [next.reason] : []),
  ];
}

function shortened(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most).join('')} ... (the report says all of it)`;
}

/** The slice with the regions: a flagged disc's whole and thick, any other's broken and thin. @returns where it ends */
function picture(
  document: Document,
  writer: Writer,
  input: ReportInput,
  slice: CaptureSlice | null,
  top: number,
): number {
  const [columns, rows] = input.discs[0]?.imageSize ?? [2, 3];
  const [down, across] = slice?.pixelSpacingMm ?? [1, 1];
  const scale = Math.min(PICTURE.width / (columns * across), PICTURE.height / (rows * down));
  const [width, height] = [columns * across * scale, rows * down * scale];
  const isShown = slice !== null && input.discs.length > 0;
  if (isShown) document.image(Buffer.from(slice.png), MARGIN, top, { width, height });
  else {
    document.rect(MARGIN, top, PICTURE.width, 30).stroke('#888');
    writer.write('There is no picture.', MARGIN + 8, top + 8, PICTURE.width - 16, { size: 9, colour: QUIET });
  }
  for (const disc of input.discs) {
    const [x0, y0, x1, y1] = disc.roiPixel;
    const at = (value: number, of: number) => (value + 0.5) * of * scale;
    const [x, y] = [MARGIN + at(x0, across), top + at(y0, down)];
    const size = [(x1 - x0) * across * scale, (y1 - y0) * down * scale] as const;
    const isFlagged = resultOf(disc) === VALUE.present;
    document
      .rect(x, y, ...size)
      .lineWidth(isFlagged ? 3 : 2)
      .stroke('#000');
    if (isFlagged)
      document
        .rect(x, y, ...size)
        .lineWidth(1.8)
        .stroke('#ffb000');
    else
      document
        .rect(x, y, ...size)
        .lineWidth(0.8)
        .dash(3, { space: 2 })
        .stroke('#cfe8ff')
        .undash();
    const name = input.localisation.status === 'located' ? disc.level : `${disc.level}?`;
    document
      .rect(x + size[0] + 2, y, 34, 11)
      .fillOpacity(0.6)
      .fill('#000')
      .fillOpacity(1);
    writer.write(name, x + size[0] + 4, y + 1.5, 60, { size: 7.5, isBold: isFlagged, colour: '#fff' });
  }
  return top + (isShown ? height : 30);
}

/** Columns of the table, points from its left edge. */
const COLUMNS = [
  { title: 'Disc', at: 0, width: 40 },
  { title: 'On MR', at: 42, width: 112 },
  { title: 'Certainty', at: 156, width: 48 },
  { title: 'CT', at: 204, width: INNER - PICTURE.width - GAP - 204 },
] as const;

function table(document: Document, writer: Writer, input: ReportInput, top: number): number {
  const left = MARGIN + PICTURE.width + GAP;
  const row = (cells: readonly string[], y: number, style: Style) =>
    Math.max(...COLUMNS.map(({ at, width }, i) => writer.write(cells[i]!, left + at, y, width, style)));
  const rule = (y: number) =>
    document
      .moveTo(left, y)
      .lineTo(WIDTH - MARGIN, y)
      .lineWidth(0.5)
      .stroke('#999');
  let y = row(
    COLUMNS.map(({ title }) => title),
    top,
    { size: 8, isBold: true, colour: QUIET },
  );
  for (const disc of input.discs) {
    rule(y);
    y = row(cellsOf(input, disc), y + 4, { size: 8.5, isBold: resultOf(disc) === VALUE.present }) + 1;
  }
  rule(y);
  const notes = [
    ...input.discs.flatMap((disc) => {
      const why = unstatedWords(disc);
      return why === null ? [] : [`${disc.level}: ${shortened(why, 200)}`];
    }),
    ...(input.classifier ? [`${capital(certaintyWords(input.parameters.prevalence))}.`] : []),
    'The CT is the reference it is compared with; the classifier never sees it.',
  ];
  for (const note of notes)
    y = writer.write(note, left, y + 5, WIDTH - MARGIN - left, { size: 7.5, colour: QUIET });
  return y;
}

const capital = (words: string) => `${words[0]!.toUpperCase()}${words.slice(1)}`;

function cellsOf(input: ReportInput, disc: ReportDisc): readonly string[] {
  const score = scoreOf(disc);
  const ct = measurementOf(input, disc);
  const values = ct && [
    ct.meanHu === null ? '' : `mean ${ct.meanHu.toFixed(0)}`,
    ct.maxHu === null ? '' : `max. ${ct.maxHu.toFixed(0)}`,
  ];
  const numbers = values?.filter(Boolean).join(', ');
  return [
    input.localisation.status === 'located' ? disc.level : `${disc.level}?`,
    disc.answer === null ? 'not classified' : SAID[disc.answer.answer],
    score === null ? '–' : percentWords(score),
    ct ? `${CT_LABELS[ct.label].words}${numbers ? `, ${numbers} HU` : ''}` : '–',
  ];
}

/** Everything that the report remarks, and by what it was read: as large as it fits, down to where it can be read. */
const SIZES = [8.5, 8, 7.5, 7, 6.5, 6] as const;
const REST = 'Not all of it fits on this page: the Structured Report says the rest.';

function words(writer: Writer, input: ReportInput, top: number): void {
  const paragraphs = [...remarks(input), ...provenance(input)];
  const room = HEIGHT - MARGIN - 12 - top;
  const heightAt = (size: number, of: readonly string[]) =>
    of.reduce((sum, each) => sum + writer.heightOf(each, INNER, { size }) + size * 0.4, 0);
  const size = SIZES.find((each) => heightAt(each, paragraphs) <= room) ?? SIZES.at(-1)!;
  let shown: readonly string[] = paragraphs;
  while (heightAt(size, shown) > room && shown.length > 1) shown = [...shown.slice(0, -2), REST];
  let y = top;
  for (const each of shown) y = writer.write(each, MARGIN, y, INNER, { size }) + size * 0.4;
}

function provenance({
  classifier,
  localiser,
  parameters,
  device,
  choice: _,
}: ReportInput): readonly string[] {
  const { marginMm, greyPercentiles, huLow, huHigh } = parameters;
  const models = [
    ...(classifier
      ? [`classifier ${classifier.name} ${classifier.version} (sha256 ${classifier.sha256})`]
      : []),
    `localiser ${localiser.name} ${localiser.version} (sha256 ${localiser.sha256})`,
  ];
  return [
    `Read by ${models.join(', ')}; Calcidisc ${device.softwareVersion}, device ${device.serialNumber}. Region: ` +
      `${marginMm} mm around the disc; grey: percentiles ${greyPercentiles.join(' to ')} of the slice; calcified on CT: ${huLow} to ${huHigh} HU.`,
  ];
}
