import type { ModelAgreement } from '../../quality/agreement.js';
import type { Chart } from '../../quality/chart.js';
import { FIGURES } from '../../quality/figures.js';
import { type Html, html } from '../html.js';

const WIDE = { width: 620, height: 150, left: 46, right: 8, top: 10, bottom: 20 } as const;

/** A control chart: the base's mean, each day's 95 % interval, the days, and where an alarm was given. */
export function controlChart(chart: Chart): Html {
  const { days, base, alarms, figure, scope } = chart;
  const { width, height, left, right, top, bottom } = WIDE;
  const values = days.flatMap(({ mean, low, high }) => [mean, Math.max(low, 0), high]);
  const [least, most] = [Math.min(base.mean, ...values), Math.max(base.mean, ...values)];
  const reach = most - least || 1;
  const x = (i: number) => round(left + ((width - left - right) * i) / Math.max(1, days.length - 1));
  const y = (value: number) =>
    round(top + (height - top - bottom) * (1 - (Math.max(value, least) - least) / reach));
  const upper = days.map(({ high }, i) => `${x(i)},${y(high)}`);
  const lower = days.map(({ low }, i) => `${x(i)},${y(low)}`).toReversed();
  const place = new Map(days.map(({ day }, i) => [day, i]));
  const marks = alarms.flatMap(({ day }) => {
    const i = place.get(day);
    return i === undefined
      ? []
      : [html`<line class="alarm" x1="${x(i)}" x2="${x(i)}" y1="${top}" y2="${height - bottom}"/>`];
  });
  const { words, digits } = FIGURES[figure];
  const said = `${words}, ${scope}: base ${base.mean.toFixed(digits)} from ${base.from} to ${base.to}; ${alarms.length} alarms`;
  return html`<figure class="chart"><figcaption><strong>${words}</strong> ${alarms.length > 0 && html`<span class="differs">${alarms.length} alarm${alarms.length !== 1 && 's'}</span>`}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${said}">
<polygon class="interval" points="${[...upper, ...lower].join(' ')}"/>
<line class="base" x1="${left}" x2="${width - right}" y1="${y(base.mean)}" y2="${y(base.mean)}"/>
${days.map(({ mean, low, high }, i) => html`<circle class="${mean < low || mean > high ? 'day out' : 'day'}" cx="${x(i)}" cy="${y(mean)}" r="1.7"/>`)}
${marks}
<text x="${left - 5}" y="${top + 8}" text-anchor="end">${most.toPrecision(2)}</text><text x="${left - 5}" y="${height - bottom}" text-anchor="end">${least.toPrecision(2)}</text>
<text x="${left}" y="${height - 5}">${days[0]?.day}</text><text x="${width - right}" y="${height - 5}" text-anchor="end">${days.at(-1)?.day}</text>
</svg></figure>`;
}

const SQUARE = { side: 260, left: 40, top: 10 } as const;

/** ROC curves of models, told apart by dashes too. */
export function rocChart(models: readonly ModelAgreement[]): Html {
  const curves = models.map(({ roc }) =>
    thinned(roc ?? []).map(
      ({ falsePositiveRate, truePositiveRate }) => [falsePositiveRate, truePositiveRate] as const,
    ),
  );
  const labels = models.map(({ model, auc }) => `${model}: AUC ${auc ? auc.auc.toFixed(3) : '–'}`);
  return squareChart({
    title: 'ROC',
    x: '1 − specificity',
    y: 'sensitivity',
    curves,
    labels,
    legend: 'bottom right',
  });
}

/** Where every probability were right the curves would lie on the diagonal. */
export function calibrationChart(models: readonly ModelAgreement[], y: string): Html {
  const curves = models.map(({ calibration }) =>
    (calibration?.bins ?? []).map(({ predicted, observed }) => [predicted, observed] as const),
  );
  const labels = models.map(
    ({ model, calibration }) => `${model}: Brier ${calibration?.brier.toFixed(3) ?? '–'}`,
  );
  return squareChart({
    title: 'Calibration',
    x: 'probability answered',
    y,
    curves,
    labels,
    legend: 'top left',
  });
}

interface Square {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly curves: readonly (readonly (readonly [number, number])[])[];
  readonly labels: readonly string[];
  /** Where the curves are not. */
  readonly legend: 'top left' | 'bottom right';
}

function squareChart({ title, x, y, curves, labels, legend: corner }: Square): Html {
  const { side, left, top } = SQUARE;
  const place = ([a, b]: readonly [number, number]) =>
    `${round(left + a * side)},${round(top + (1 - b) * side)}`;
  const lines = curves.map(
    (curve, i) => html`<polyline class="curve c${i % 4}" points="${curve.map(place).join(' ')}"/>`,
  );
  const legend = labels.map((label, i) => {
    const at = corner === 'top left' ? top + 14 * (i + 1) + 2 : top + side - 14 * (labels.length - i) - 4;
    const from = corner === 'top left' ? left + 8 : left + 84;
    return html`<line class="curve c${i % 4}" x1="${from}" x2="${from + 22}" y1="${at - 4}" y2="${at - 4}"/><text x="${from + 28}" y="${at}">${label}</text>`;
  });
  return html`<figure class="square"><figcaption><strong>${title}</strong></figcaption>
<svg viewBox="0 0 ${left + side + 10} ${top + side + 34}" role="img" aria-label="${title}: ${labels.join('; ')}">
<rect class="frame" x="${left}" y="${top}" width="${side}" height="${side}"/><line class="base" x1="${left}" y1="${top + side}" x2="${left + side}" y2="${top}"/>
${lines}${legend}
<text x="${left - 5}" y="${top + 8}" text-anchor="end">1</text><text x="${left - 5}" y="${top + side}" text-anchor="end">0</text>
<text x="${left + side / 2}" y="${top + side + 26}" text-anchor="middle">${x}</text>
<text transform="rotate(-90 14 ${top + side / 2})" x="14" y="${top + side / 2}" text-anchor="middle">${y}</text></svg></figure>`;
}

const MOST_POINTS = 300;

/** A curve of 30,000 points looks like one of 300. */
function thinned<T>(points: readonly T[]): T[] {
  const step = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
