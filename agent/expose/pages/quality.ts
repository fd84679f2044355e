import type { WrittenCounts } from '../../../db/tables/writtenReports.js';
import type { Coverage, QualityFilter } from '../../../db/views/quality.js';
import { TRUTHS, type Truth } from '../../../db/views/qualityDiscs.js';
import type { Share } from '../../../models/statistics/confusion.js';
import { BMI_GROUPS, bmiWords } from '../../domain/bmiBands.js';
import { LEVELS } from '../../domain/levels.js';
import type { Agreement, GroupAgreement, Grouping, ModelAgreement } from '../../quality/agreement.js';
import { type Html, html } from '../html.js';
import { calibrationChart, rocChart } from './charts.js';
import { TRUTH_WORDS } from './qualityDiscs.js';

export interface QualityPage {
  readonly filter: QualityFilter;
  readonly truth: Truth;
  readonly written: WrittenCounts;
  readonly coverage: Coverage;
  readonly models: readonly ModelAgreement[];
  /** Of the deciding model. */
  readonly groups: readonly { readonly grouping: Grouping; readonly rows: readonly GroupAgreement[] }[];
  readonly reasons: readonly { readonly reason: string; readonly discs: number }[];
  readonly sites: readonly string[];
  readonly scanners: readonly string[];
  /** Alarms of the watch that nobody has acknowledged. */
  readonly openAlarms: number;
}

/** How models agree with the CT; every count opens the list of its cases. */
export function qualityPage(page: QualityPage): Html {
  const { models, groups, filter, truth, reasons, openAlarms } = page;
  return html`<h1>Quality <small>against ${TRUTH_WORDS[truth]}</small></h1>
${qualityTabs('agreement', openAlarms)}
${truthTabs(page)}
${filterForm(page)}
${coverageList(page)}
<section aria-labelledby="models"><h2 id="models">Models</h2>
${models.length === 0 ? html`<p class="empty">${NOTHING[truth]}: there is nothing to hold the models against.</p>` : html`<div class="split">${rocChart(models)}${calibrationChart(models, CALLED[truth])}</div>`}
${
  models.length > 0 &&
  agreementTable(
    'Model',
    models.map((each) => ({
      ...each,
      group: `${each.model} (${each.role === 'active' ? 'decides' : 'shadow'})`,
      asks: { model: each.model },
    })),
    page,
  )
}</section>
${groups.map(({ grouping, rows }) => rows.length > 0 && html`<section aria-labelledby="by-${slug(grouping)}"><h2 id="by-${slug(grouping)}">By ${grouping.toLowerCase()} <small>the deciding model</small></h2>${agreementTable(grouping, rows, page)}</section>`)}
${reasons.length > 0 && html`<section aria-labelledby="reasons"><h2 id="reasons">Why nothing is stated</h2><ul>${reasons.map(({ reason, discs }) => html`<li>${reason}: ${discs} discs</li>`)}</ul></section>`}
<p class="legend">95 % intervals by Wilson, of the AUC by DeLong; discs are taken for independent, which those of one patient are not.
PPV depends on how many discs are calcified here. ${LEGEND[truth]} BMI is from the size and weight in the images, kept of those that came since this version; “not said” is all others.
<a href="/api/v1/quality${truthSearch(filter, truth)}">JSON</a> <a href="/api/v1/results.csv${search(filter)}">results as CSV</a></p>`;
}

export function qualityTabs(current: 'agreement' | 'watch', openAlarms: number): Html {
  const mark = (name: string) => name === current && html` aria-current="page"`;
  return html`<nav class="chips" aria-label="Quality"><a href="/quality"${mark('agreement')}>Agreement</a><a href="/quality/watch"${mark('watch')}>Watch <small>${openAlarms} open alarm${openAlarms !== 1 && 's'}</small></a></nav>`;
}

interface Asked {
  readonly filter: QualityFilter;
  readonly truth: Truth;
}

const CALLED = {
  ct: 'share calcified by CT',
  reader: 'share calcified by readers',
  report: 'share calcified by report',
} as const satisfies Record<Truth, string>;

const NOTHING = {
  ct: 'No disc has a CT that says yes or no',
  reader: 'No reader has said of a disc whether it is calcified',
  report: 'No written report mentions whether a disc is calcified',
} as const satisfies Record<Truth, string>;

const LEGEND = {
  ct: 'A CT label is computed, not read by a person, and counts only where neither side doubts its levels.',
  reader:
    'A verdict is the word of readers who saw what the model said first: they agree with it more than blinded ones would. The newest of each reader counts; discs on which readers differ count for nothing.',
  report:
    'What a report says is heard by its words (seven languages, negation understood), checked by nobody unless corrected on the case; what it does not mention counts for nothing, and whoever wrote it may have seen the result. The newest final report of a study counts.',
} as const satisfies Record<Truth, string>;

function truthTabs({ filter, truth, written }: QualityPage): Html {
  const { all, final, unmatched, unheard } = written;
  const reports =
    truth === 'report' &&
    html`<p class="facts"><span>${all} written reports came, ${final} of them final</span> <span><a href="/quality/reports">${unmatched} of no study here</a></span> <span>${unheard} in no language that is understood</span></p>`;
  return html`<nav class="chips" aria-label="Against">${TRUTHS.map((each) => html`<a href="/quality${truthSearch(filter, each)}"${each === truth && html` aria-current="page"`}>${TRUTH_WORDS[each]}</a>`)}</nav>${reports}`;
}

function filterForm({ filter, truth, sites, scanners }: QualityPage): Html {
  const select = (name: string, current: string | undefined, values: readonly string[]) =>
    html`<select name="${name}"><option value="">any</option>${values.map((value) => html`<option${value === current && html` selected`}>${value}</option>`)}</select>`;
  return html`<form class="filters" method="get" action="/quality" role="search">${truth !== 'ct' && html`<input type="hidden" name="truth" value="${truth}">`}
<label>MR from <input type="date" name="from" value="${filter.from ?? ''}"></label>
<label>to <input type="date" name="to" value="${filter.to ?? ''}"></label>
<label>Disc ${select('level', filter.level, LEVELS)}</label>
<label>Site ${select('site', filter.site, sites)}</label>
<label>Scanner ${select('scanner', filter.scanner, scanners)}</label>
<label>BMI <select name="bmi"><option value="">any</option>${BMI_GROUPS.map((group) => html`<option value="${group}"${group === filter.bmi && html` selected`}>${bmiWords(group)}</option>`)}</select></label>
<button>Show</button> ${search(filter) && html`<a href="/quality">Clear</a>`}</form>`;
}

function coverageList({ coverage, filter }: QualityPage): Html {
  const { cases, withCt, uncertainLevels, parked, closed, discs, unstatedDiscs, read } = coverage;
  const of = (part: number, whole: number) => (whole > 0 ? ` (${((100 * part) / whole).toFixed(1)} %)` : '');
  const open = (asks: Asks, words: string) => html`<a href="${listOf(filter, asks)}">${words}</a>`;
  const seconds = (value: number | null) => (value === null ? '–' : `${value.toFixed(0)} s`);
  return html`<dl class="tiles">
<div><dt>Cases</dt><dd>${open({}, `${cases}`)}</dd></div>
<div><dt>With a CT</dt><dd>${open({ ct: 'paired' }, `${withCt}`)}${of(withCt, read)}</dd></div>
<div><dt>Levels in doubt</dt><dd>${open({ flag: 'uncertain' }, `${uncertainLevels}`)}${of(uncertainLevels, read)}</dd></div>
<div><dt>Discs with nothing stated</dt><dd>${open({ flag: 'unstated' }, `${unstatedDiscs}`)}${of(unstatedDiscs, discs)}</dd></div>
<div><dt>Parked</dt><dd>${open({ state: 'parked' }, `${parked}`)}${of(parked, cases)}</dd></div>
<div><dt>Closed</dt><dd>${open({ state: 'closed' }, `${closed}`)}${of(closed, cases)}</dd></div>
<div><dt>Last image to report</dt><dd>${seconds(coverage.medianSeconds)} <span class="quiet">median, 95 % within ${seconds(coverage.slowSeconds)}</span></dd></div></dl>`;
}

interface TableRow extends Agreement {
  readonly group: string;
  /** What the list of its discs is asked for. */
  readonly asks: Readonly<Record<string, string>>;
}

function agreementTable(heading: string, rows: readonly TableRow[], page: Asked): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="By ${heading.toLowerCase()}"><table class="agreement"><thead><tr><th scope="col">${heading}</th><th scope="col">Discs</th><th scope="col">Sensitivity</th><th scope="col">Specificity</th><th scope="col">PPV</th><th scope="col">AUC</th>
<th scope="col"><abbr title="calcified by both">TP</abbr></th><th scope="col"><abbr title="calcified by the model only">FP</abbr></th><th scope="col"><abbr title="calcified by ${TRUTH_WORDS[page.truth]} only">FN</abbr></th><th scope="col"><abbr title="calcified by neither">TN</abbr></th></tr></thead>
<tbody>${rows.map((row) => agreementRow(row, page))}</tbody></table></div>`;
}

function agreementRow(
  { group, asks, discs, performance, auc, unstated }: TableRow,
  { filter, truth }: Asked,
): Html {
  const { sensitivity, specificity, positivePredictiveValue, ...counts } = performance;
  const count = (outcome: string, value: number) =>
    html`<td class="number">${value === 0 ? value : html`<a href="${discsOf(filter, { ...asks, truth, outcome })}">${value}</a>`}</td>`;
  const interval = auc && { value: auc.auc, ...auc.interval };
  return html`<tr><th scope="row">${group}</th><td class="number"><a href="${discsOf(filter, { ...asks, truth })}">${discs}</a>${unstated > 0 && html`<small><a href="${discsOf(filter, { ...asks, truth, outcome: 'unstated' })}">${unstated} unstated</a></small>`}</td>
${shareCell(sensitivity)}${shareCell(specificity)}${shareCell(positivePredictiveValue)}${shareCell(interval)}
${count('true-positive', counts.truePositive)}${count('false-positive', counts.falsePositive)}${count('false-negative', counts.falseNegative)}${count('true-negative', counts.trueNegative)}</tr>`;
}

function shareCell(share: Share | null): Html {
  if (!share) return html`<td class="number">–</td>`;
  return html`<td class="number">${share.value.toFixed(3)}<small>${share.low.toFixed(3)} to ${share.high.toFixed(3)}</small></td>`;
}

type Asks = Readonly<Record<string, string>>;

/** The worklist of a number: what the page is filtered by, and what the number's group asks for. */
function listOf(filter: QualityFilter, asks: Asks): string {
  const said = Object.entries({ ...filter, ...asks }).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  return said.length === 0 ? '/' : `/?${new URLSearchParams(said as [string, string][])}`;
}

/** The discs of a number, of shadows too. */
function discsOf(filter: QualityFilter, asks: Asks): string {
  return `/quality/discs${listOf(filter, asks).slice(1)}`;
}

function truthSearch(filter: QualityFilter, truth: Truth): string {
  return listOf(filter, truth === 'ct' ? {} : { truth }).slice(1);
}

function search(filter: QualityFilter): string {
  return listOf(filter, {}).slice(1);
}

function slug(grouping: string): string {
  return grouping.toLowerCase().replaceAll(' ', '-');
}
