import type { PatientCase, PatientDisc } from '../../../db/views/patientCases.js';
import { CT_LABELS } from '../../domain/ctLabels.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { type Html, html } from '../html.js';
import { ANSWER_CLASSES, ANSWER_SIGNS, hounsfield, percent } from '../words.js';

/** A patient's studies, the oldest first, with the one that is looked at. */
export interface OverTime {
  readonly caseId: string;
  readonly cases: readonly PatientCase[];
  /** Under the same patient ID, and somebody else by birth date, sex, issuer or name. */
  readonly others: number;
  /** There are more than are read. */
  readonly isCut: boolean;
}

/** Per disc what the model and the CT said from study to study; nothing where there is one study alone. */
export function overTimeSection({ caseId, cases, others, isCut }: OverTime): Html | false {
  if (cases.length < 2 && others === 0) return false;
  const models = new Set(cases.flatMap(({ discs }) => discs.flatMap(({ model }) => model ?? [])));
  return html`<section aria-labelledby="time"><h2 id="time">The patient over time</h2>
${others > 0 && html`<p class="alert">${others} other stud${others === 1 ? 'y bears' : 'ies bear'} this patient ID and ${others === 1 ? 'is' : 'are'} somebody else’s by birth date, sex, issuer or name: left out here.</p>`}
${isCut && html`<p class="quiet">Only the newest ${cases.length} studies.</p>`}
${cases.length < 2 ? html`<p class="empty">No other study of this patient.</p>` : studies(caseId, cases, models.size)}</section>`;
}

function studies(caseId: string, cases: readonly PatientCase[], models: number): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Studies of the patient"><table class="time"><thead><tr><th scope="col">MR</th>${LEVELS.map((level) => html`<th scope="col">${level}</th>`)}</tr></thead>
<tbody>${cases.map((each) => studyRow(each, each.id === caseId))}</tbody>
<tfoot><tr><th scope="row">Trend</th>${LEVELS.map((level) => html`<td>${trendChart(level, cases)}</td>`)}</tr></tfoot></table></div>
<p class="quiet">The line: the model’s probability, 0 to 100 %, its threshold dashed. Below it, a bar for the mean of the CT where one was measured, its full height 400 HU.
${models > 1 ? 'Different models answered: only points of the newest model are joined and compared.' : ''} Discs are matched by their level’s name; ? where a study’s levels are in doubt, and such a study is not in the trend.</p>`;
}

function studyRow(each: PatientCase, isThis: boolean): Html {
  const { id, mrDate, ctDate, isUncertain, discs } = each;
  return html`<tr${isThis && html` class="this"`}><th scope="row">${isThis ? html`${mrDate ?? 'without a date'} <small>this study</small>` : html`<a href="/cases/${id}">${mrDate ?? 'without a date'}</a>`}${ctDate && html`<small>CT ${ctDate}</small>`}</th>
${LEVELS.map(
  (level) =>
    html`<td>${discCell(
      discs.find((disc) => disc.level === level),
      isUncertain,
    )}</td>`,
)}</tr>`;
}

function discCell(disc: PatientDisc | undefined, isUncertain: boolean): Html {
  if (!disc || disc.answer === null || disc.probability === null) return html`<span class="quiet">–</span>`;
  const { answer, probability, ctLabel, meanHu } = disc;
  return html`<span class="flag ${ANSWER_CLASSES[answer]}">${ANSWER_SIGNS[answer]} ${percent(probability)}${isUncertain && ' ?'}</span>
${ctLabel && html`<small class="ct ${ctLabel}">CT ${CT_LABELS[ctLabel].words}, ${hounsfield(meanHu)}</small>`}`;
}

const CHART = { width: 128, height: 78, left: 4, right: 4, top: 6, split: 46, bottom: 74 } as const;

/** Of a bar at full height: about where calcified herniations end (120.1 to 383.7 HU, the study). */
const FULL_BAR_HU = 400;

interface Point {
  readonly at: number;
  readonly disc: PatientDisc;
}

/** The dates that count: of located levels, with a date. */
function pointsOf(level: Level, cases: readonly PatientCase[]): Point[] {
  return cases.flatMap(({ mrDate, isUncertain, discs }) => {
    const disc = discs.find((each) => each.level === level);
    return disc && mrDate && !isUncertain ? [{ at: Date.parse(mrDate), disc }] : [];
  });
}

function trendChart(level: Level, cases: readonly PatientCase[]): Html {
  const points = pointsOf(level, cases);
  const answered = points.filter(({ disc }) => disc.probability !== null);
  const newest = answered.at(-1)?.disc;
  const own = answered.filter(({ disc }) => disc.model === newest?.model);
  if (!newest || own.length < 2) return html`<span class="quiet">no trend</span>`;
  const { width, height, left, right, top, split, bottom } = CHART;
  const [first, last] = [points[0]!.at, points.at(-1)!.at];
  const x = (at: number) => round(left + ((at - first) / (last - first || 1)) * (width - left - right));
  const y = (share: number) => round(top + (1 - share) * (split - top));
  const measured = points.filter(({ disc }) => disc.meanHu !== null);
  const most = Math.max(FULL_BAR_HU, ...measured.map(({ disc }) => disc.meanHu!));
  const bar = (hu: number) => round(Math.max(1, (Math.max(0, hu) / most) * (bottom - split - 6)));
  const said = trendWords(level, own, measured);
  return html`<svg class="trend" viewBox="0 0 ${width} ${height}" role="img" aria-label="${said}">
<line class="base" x1="${left}" x2="${width - right}" y1="${y(newest.threshold!)}" y2="${y(newest.threshold!)}"/>
<polyline class="curve c0" points="${own.map(({ at, disc }) => `${x(at)},${y(disc.probability!)}`).join(' ')}"/>
${answered.map(({ at, disc }) => html`<circle class="${disc.model === newest.model ? 'day' : 'day other'}" cx="${x(at)}" cy="${y(disc.probability!)}" r="2.4"/>`)}
${measured.map(({ at, disc }) => html`<rect class="hu ${disc.ctLabel}" x="${round(x(at) - 3)}" width="6" y="${round(bottom - bar(disc.meanHu!))}" height="${bar(disc.meanHu!)}"/>`)}
</svg><small>${changeWords(own)}</small>`;
}

function changeWords(own: readonly Point[]): string {
  const by = Math.round(100 * (own.at(-1)!.disc.probability! - own[0]!.disc.probability!));
  return `${by > 0 ? '+' : by < 0 ? '−' : '±'}${Math.abs(by)} % points`;
}

function trendWords(level: Level, own: readonly Point[], measured: readonly Point[]): string {
  const said = own.map(({ at, disc }) => `${day(at)} ${percent(disc.probability!)}`).join(', ');
  const ct = measured.map(({ at, disc }) => `${day(at)} ${hounsfield(disc.meanHu)}`).join(', ');
  return `${level}: ${said}${ct && `; CT ${ct}`}`;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
