import type { AuditRow } from '../../../db/tables/audit.js';
import type { ModelRow } from '../../../db/tables/models.js';
import type { ModelUse } from '../../../db/views/modelUse.js';
import type { CardChange } from '../../../models/catalogue/cardChanges.js';
import { performanceOfCounts, type Share, share } from '../../../models/statistics/confusion.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';
import { auditTable } from './audit.js';
import { modelCard } from './modelCard.js';
import { modelForms, rollbackForm } from './modelForms.js';

/** A model of the registry, with where it ran and who last changed its state. */
export interface ModelEntry {
  readonly row: ModelRow;
  /** Null: it has answered nothing, or is no classifier. */
  readonly use: ModelUse | null;
  readonly lastChange: AuditRow | null;
}

const STATES = {
  active: 'decides',
  shadow: 'shadow: only records',
  retired: 'retired',
  registered: 'not in use',
} as const satisfies Record<ModelRow['state'], string>;

export interface ModelsPage {
  readonly entries: readonly ModelEntry[];
  /** The localiser that the configuration names, 'localiser' or 'localiser@4'. */
  readonly localiser: string;
  /** What a roll-back would make active; null: nothing to go back to. */
  readonly before: string | null;
  readonly csrf: string | null;
}

/** What there is, which decides, since when and by whom, and how it does here. */
export function modelsPage({ entries, localiser, before, csrf }: ModelsPage): Html {
  const classifiers = entries.filter(({ row }) => row.kind === 'classifier');
  const localisers = entries.filter(({ row }) => row.kind === 'localiser');
  return html`<h1>Models</h1>
<section aria-labelledby="classifiers"><h2 id="classifiers">Classifiers</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Classifiers"><table class="agreement models"><thead><tr><th scope="col">Model</th><th scope="col">State</th><th scope="col">By whom, why</th><th scope="col">Cases</th><th scope="col">Flagged</th><th scope="col">Nothing stated</th><th scope="col">Distance</th><th scope="col">Sensitivity</th><th scope="col">Specificity</th></tr></thead>
<tbody>${classifiers.map(classifierRow)}</tbody></table></div>
${classifiers.length === 0 && html`<p class="empty">No classifier is registered: the agent registers those of its host when it starts.</p>`}
${csrf !== null && rollbackForm(before, csrf)}</section>
<section aria-labelledby="localisers"><h2 id="localisers">Localisers <small>find and name the discs; the configuration chooses (locate.model: ${localiser})</small></h2>
<ul>${localisers.map(({ row }) => html`<li><a href="${modelPath(row)}">${nameOf(row)}</a> <span class="quiet">${text(row.card.description)}</span></li>`)}</ul></section>
<p class="legend">One classifier decides; shadows record their answers beside it and nobody is sent them. Cases and figures are of current revisions, whatever the
model's role was when it answered. Distance: median and 95th percentile of how far regions lie from what the model learnt from (about 1 at home). Sensitivity and
specificity are against the CT where neither side doubts its levels, 95 % intervals by Wilson.</p>`;
}

function classifierRow({ row, use, lastChange }: ModelEntry): Html {
  const performance = use && performanceOfCounts(use);
  return html`<tr><th scope="row"><a href="${modelPath(row)}">${nameOf(row)}</a><small>${row.sha256.slice(0, 12)}…</small></th>
<td><span class="${row.state === 'active' ? 'state delivered' : 'state'}">${STATES[row.state]}</span><small>since ${moment(row.stateSince)}</small></td><td>${changedBy(lastChange)}</td>
<td class="number">${use ? html`<a href="${discsPath(row)}">${use.cases}</a>` : '0'}</td>${use ? useCells(row, use) : html`<td class="number">–</td><td class="number">–</td><td class="number">–</td>`}
${shareCell(performance?.sensitivity ?? null)}${shareCell(performance?.specificity ?? null)}</tr>`;
}

function useCells(row: ModelRow, use: ModelUse): Html {
  const cell = (part: number, says: string) =>
    html`<td class="number"><a href="${discsPath(row, { says })}">${percent(share(part, use.discs))}</a></td>`;
  return html`${cell(use.flagged, 'calcified')}${cell(use.unstated, 'unstated')}<td class="number">${distance(use)}</td>`;
}

function changedBy(change: AuditRow | null): Html {
  if (!change) return html`–`;
  const { reason } = change.detail as { reason?: string };
  return html`${change.actor.startsWith('process:') ? 'by itself' : change.actor}<small> ${reason ?? 'no reason said'}</small>`;
}

export interface ModelPage extends ModelEntry {
  readonly trail: readonly AuditRow[];
  /** Other versions of the same name, the newest first. */
  readonly versions: readonly ModelRow[];
  /** From the version before, where there is one. */
  readonly before: { readonly row: ModelRow; readonly changes: readonly CardChange[] } | null;
  /** Threshold that counts here. */
  readonly threshold: number | null;
  /** Null: whoever looks may change nothing. */
  readonly csrf: string | null;
}

export function modelPage(page: ModelPage): Html {
  const { row, trail, versions, before, use, csrf } = page;
  return html`<p><a href="/models">← Models</a></p>
<h1>${nameOf(row)} <small>${row.kind}${row.kind === 'classifier' && `, ${STATES[row.state]}`}</small></h1>
<p class="facts"><span>since ${moment(row.stateSince)} UTC</span> <span>${changedBy(page.lastChange)}</span> <span class="id">SHA-256 ${row.sha256}</span></p>
${versions.length > 0 && html`<p>Other versions: ${versions.map((other) => html`<a href="${modelPath(other)}">${nameOf(other)}</a> (${STATES[other.state]}) `)}</p>`}
${row.kind === 'classifier' && html`<section aria-labelledby="ran"><h2 id="ran">Where it ran</h2>${use ? useSection(page, use) : html`<p class="empty">It has answered no case here.</p>`}</section>`}
${csrf !== null && modelForms(row, page.threshold, csrf)}
<section aria-labelledby="card"><h2 id="card">Card</h2>${modelCard(row.card, row.localBounds)}</section>
${before && html`<section aria-labelledby="changes"><h2 id="changes">Changed from ${nameOf(before.row)}</h2>${changeTable(before.changes)}</section>`}
<section aria-labelledby="trail"><h2 id="trail">Trail</h2>${auditTable(trail)}</section>`;
}

function useSection({ row }: ModelPage, use: ModelUse): Html {
  const { sensitivity, specificity, positivePredictiveValue, ...counts } = performanceOfCounts(use);
  const open = (value: number, asks: Asks) =>
    value === 0 ? html`0` : html`<a href="${discsPath(row, asks)}">${value}</a>`;
  return html`<dl class="tiles">
<div><dt>Cases</dt><dd>${open(use.cases, {})}</dd></div>
<div><dt>Discs</dt><dd>${use.discs} <span class="quiet">${use.decided} while it decided</span></dd></div>
<div><dt>Flagged</dt><dd>${open(use.flagged, { says: 'calcified' })} (${percent(share(use.flagged, use.discs))})</dd></div>
<div><dt>Nothing stated</dt><dd>${open(use.unstated, { says: 'unstated' })} (${percent(share(use.unstated, use.discs))})</dd></div>
<div><dt>Distance</dt><dd>${distance(use)}</dd></div>
<div><dt>From</dt><dd>${moment(use.firstAt)}</dd></div><div><dt>To</dt><dd>${moment(use.lastAt)}</dd></div></dl>
<div class="scroll" tabindex="0" role="region" aria-label="Against the CT"><table class="agreement"><thead><tr><th scope="col">Against the CT</th><th scope="col">Sensitivity</th><th scope="col">Specificity</th><th scope="col">PPV</th><th scope="col">TP</th><th scope="col">FP</th><th scope="col">FN</th><th scope="col">TN</th></tr></thead>
<tbody><tr><th scope="row">${nameOf(row)}</th>${[sensitivity, specificity, positivePredictiveValue].map(shareCell)}${OUTCOMES.map(([key, outcome]) => html`<td class="number">${open(counts[key], { truth: 'ct', outcome })}</td>`)}</tr></tbody></table></div>
<form class="filters" method="get" action="${modelPath(row)}/acceptance.html"><label>Acceptance report, MR from <input type="date" name="from" required></label><label>to <input type="date" name="to" required></label><button>Make it</button>
<span class="quiet">of this model's answers, to print; longer ones: <code>calcidisc backfill report --model ${nameOf(row)}</code></span></form>`;
}

const OUTCOMES = [
  ['truePositive', 'true-positive'],
  ['falsePositive', 'false-positive'],
  ['falseNegative', 'false-negative'],
  ['trueNegative', 'true-negative'],
] as const;

/** What the answers come of stands open; how it was trained and measured is folded. */
function changeTable(changes: readonly CardChange[]): Html {
  if (changes.length === 0) return html`<p class="empty">The cards say the same.</p>`;
  const isDetail = ({ entry }: CardChange) => /^(metrics|training|trainingData)\./.test(entry);
  const [details, first] = [changes.filter(isDetail), changes.filter((each) => !isDetail(each))];
  return html`${first.length > 0 && changeRows(first)}${details.length > 0 && html`<details><summary>${details.length} entries of training, its data and metrics</summary>${changeRows(details)}</details>`}`;
}

function changeRows(changes: readonly CardChange[]): Html {
  const cell = (value: unknown) => (value === undefined ? '–' : short(value));
  return html`<table class="changes"><thead><tr><th scope="col">Entry</th><th scope="col">Before</th><th scope="col">Now</th></tr></thead>
<tbody>${changes.map(({ entry, before, after }) => html`<tr><th scope="row">${entry}</th><td>${cell(before)}</td><td>${cell(after)}</td></tr>`)}</tbody></table>`;
}

const LONGEST = 160;

function short(value: unknown): string {
  if (Array.isArray(value) && value.length > 6) return `${value.length} entries`;
  const said = typeof value === 'string' ? value : JSON.stringify(value);
  return said.length > LONGEST ? `${said.slice(0, LONGEST)}…` : said;
}

export function nameOf({ name, version }: Pick<ModelRow, 'name' | 'version'>): string {
  return `${name}@${version}`;
}

export function modelPath({ name, version }: Pick<ModelRow, 'name' | 'version'>): string {
  return `/models/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
}

type Asks = Readonly<Record<string, string>>;

function discsPath(row: ModelRow, asks: Asks = {}): string {
  return `/quality/discs?${new URLSearchParams({ model: nameOf(row), ...asks })}`;
}

function distance({ medianDistance, farDistance }: ModelUse): string {
  return medianDistance === null || farDistance === null
    ? '–'
    : `${medianDistance.toFixed(2)} (${farDistance.toFixed(2)})`;
}

function percent(value: Share | null): string {
  return value ? `${(100 * value.value).toFixed(1)} %` : '–';
}

function shareCell(value: Share | null): Html {
  if (!value) return html`<td class="number">–</td>`;
  return html`<td class="number">${value.value.toFixed(3)}<small>${value.low.toFixed(3)} to ${value.high.toFixed(3)}</small></td>`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
