import type { Performance } from '../statistics/confusion.js';
import { type Evaluation, type ModelEvaluation, nameOf } from './evaluation.js';

/** A drawing as an SVG document of its own. */
export interface Figure {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** Told apart also without colour vision (Okabe and Ito), and by their dashes in print. */
const INKS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '1 2', '12 4'] as const;
const SIDE = 360;
const MARGIN = 54;

export function allFigures(evaluation: Evaluation): Figure[] {
  return [rocFigure(evaluation), calibrationFigure(evaluation), ...evaluation.models.map(confusionFigure)];
}

export function rocFigure({ models, readers }: Evaluation): Figure {
  const curves = models.map(({ roc }, i) => {
    const points = (roc ?? []).map((p) => place(p.falsePositiveRate, p.truePositiveRate));
    return stroke(points, i);
  });
  const people = readers.map(({ performance: { sensitivity, specificity } }, i) => {
    if (!sensitivity || !specificity) return '';
    const [x, y] = place(1 - specificity.value, sensitivity.value);
    return `<circle cx="${x}" cy="${y}" r="4" fill="none" stroke="${INKS[(models.length + i) % INKS.length]}" stroke-width="2"/>`;
  });
  const labels = [
    ...models.map((model) => ({ label: `${nameOf(model)}: AUC ${model.auc?.toFixed(3) ?? '–'}` })),
    ...readers.map(({ name }) => ({ label: `${name} (reader)`, isPoint: true })),
  ];
  const body = [diagonal(), ...curves, ...people, legend(labels)];
  const svg = plot('1 − specificity', 'Sensitivity', body);
  return { name: 'roc', title: 'Receiver operating characteristic', svg };
}

export function calibrationFigure({ models }: Evaluation): Figure {
  const curves = models.map(({ calibration }, i) => {
    const points = calibration.bins.map(({ predicted, observed }) => place(predicted, observed));
    const dots = points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${ink(i)}"/>`).join('');
    return stroke(points, i) + dots;
  });
  const labels = models.map((model) => ({
    label: `${nameOf(model)}: Brier ${model.calibration.brier.toFixed(3)}`,
  }));
  const svg = plot('Probability answered', 'Share calcified', [diagonal(), ...curves, legend(labels)]);
  return { name: 'calibration', title: 'Calibration', svg };
}

export function confusionFigure(model: ModelEvaluation): Figure {
  const cells: readonly [keyof Performance, number, number][] = [
    ['truePositive', 0, 0],
    ['falseNegative', 1, 0],
    ['falsePositive', 0, 1],
    ['trueNegative', 1, 1],
  ];
  const size = 120;
  const performance = model.atCardThreshold;
  const squares = cells.map(([name, column, row]) => {
    const count = performance[name] as number;
    const inRow = cells
      .filter(([, , r]) => r === row)
      .reduce((sum, [n]) => sum + (performance[n] as number), 0);
    const strength = inRow > 0 ? count / inRow : 0;
    const [x, y] = [110 + column * size, 50 + row * size];
    const colour = strength > 0.55 ? 'white' : '#111';
    return (
      `<rect x="${x}" y="${y}" width="${size}" height="${size}" fill="#0072b2" fill-opacity="${strength.toFixed(3)}" stroke="#444"/>` +
      text(x + size / 2, y + size / 2 + 8, String(count), { size: 24, fill: colour })
    );
  });
  const words = [
    text(110 + size, 18, 'Model', { size: 13 }),
    text(110 + size / 2, 40, 'calcified', {}),
    text(110 + (3 * size) / 2, 40, 'not calcified', {}),
    text(102, 50 + size / 2, 'calcified', { anchor: 'end' }),
    text(102, 50 + (3 * size) / 2, 'not calcified', { anchor: 'end' }),
    text(102, 50 + size, 'Reference', { anchor: 'end', size: 13 }),
  ];
  const title = `${nameOf(model)} at ${model.threshold.toFixed(3)}`;
  const svg = svgDocument(110 + 2 * size + 12, 50 + 2 * size + 12, [...squares, ...words]);
  return { name: `confusion-${model.name}-${model.version}`, title: `Confusion matrix, ${title}`, svg };
}

/** From 0..1 by 0..1 to the drawing's pixels, y upwards. */
function place(x: number, y: number): [number, number] {
  return [round(MARGIN + x * SIDE), round(12 + (1 - y) * SIDE)];
}

function plot(xLabel: string, yLabel: string, body: readonly string[]): string {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap((value) => {
    const [x, bottom] = place(value, 0);
    const [left, y] = place(0, value);
    return [
      `<path d="M${x} ${bottom}v5M${left} ${y}h-5" stroke="#444"/>`,
      text(x, bottom + 18, value.toFixed(1), {}),
      text(left - 8, y + 4, value.toFixed(1), { anchor: 'end' }),
    ];
  });
  const [left, top] = place(0, 1);
  const frame = `<rect x="${left}" y="${top}" width="${SIDE}" height="${SIDE}" fill="none" stroke="#444"/>`;
  const middle = 12 + SIDE / 2;
  const names = [
    text(MARGIN + SIDE / 2, SIDE + 46, xLabel, { size: 13 }),
    `<g transform="rotate(-90 14 ${middle})">${text(14, middle, yLabel, { size: 13 })}</g>`,
  ];
  return svgDocument(MARGIN + SIDE + 14, SIDE + 56, [frame, ...ticks, ...names, ...body]);
}

function diagonal(): string {
  const [x0, y0] = place(0, 0);
  const [x1, y1] = place(1, 1);
  return `<path d="M${x0} ${y0}L${x1} ${y1}" stroke="#aaa" stroke-dasharray="3 3"/>`;
}

function stroke(points: readonly (readonly [number, number])[], index: number): string {
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  const dash = DASHES[index % DASHES.length];
  return (
    path &&
    `<path d="${path}" fill="none" stroke="${ink(index)}" stroke-width="2" stroke-dasharray="${dash}"/>`
  );
}

interface LegendEntry {
  readonly label: string;
  readonly isPoint?: boolean;
}

function legend(entries: readonly LegendEntry[]): string {
  const [left, height] = [MARGIN + 130, 18 * entries.length + 6];
  const top = SIDE - height;
  const backing = `<rect x="${left - 6}" y="${top}" width="${SIDE - 130}" height="${height}" fill="white" fill-opacity="0.85"/>`;
  const lines = entries.map(({ label, isPoint }, i) => {
    const y = top + 18 * i + 12;
    const dash = DASHES[i % DASHES.length];
    const mark = isPoint
      ? `<circle cx="${left + 13}" cy="${y}" r="4" fill="none" stroke="${ink(i)}" stroke-width="2"/>`
      : `<path d="M${left} ${y}h26" stroke="${ink(i)}" stroke-width="2" stroke-dasharray="${dash}"/>`;
    return mark + text(left + 34, y + 4, label, { anchor: 'start' });
  });
  return backing + lines.join('');
}

function ink(index: number): string {
  return INKS[index % INKS.length]!;
}

interface TextStyle {
  readonly size?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly fill?: string;
}

function text(
  x: number,
  y: number,
  words: string,
  { size = 11, anchor = 'middle', fill = '#111' }: TextStyle,
): string {
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${fill}">${escapeXml(words)}</text>`;
}

function svgDocument(width: number, height: number, body: readonly string[]): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="Helvetica, Arial, sans-serif"><rect width="100%" height="100%" fill="white"/>${body.join('')}</svg>`
  );
}

export function escapeXml(words: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return words.replace(/[&<>"']/g, (character) => entities[character]!);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
