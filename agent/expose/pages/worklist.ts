import type { WorklistFacets, WorklistFlag, WorklistRow } from '../../../db/views/worklist.js';
import { ANSWER_WORDS, isStated } from '../../domain/answers.js';
import { CT_LABELS, type CtLabel } from '../../domain/ctLabels.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { type Html, html } from '../html.js';
import {
  ANSWER_CLASSES,
  ANSWER_SIGNS,
  age,
  apart,
  moment,
  PAIRING_WORDS,
  percent,
  personName,
  STATE_WORDS,
} from '../words.js';

export interface WorklistPage {
  readonly rows: readonly WorklistRow[];
  readonly query: Asked;
  /** How many of what is asked for have each flag, state, site. */
  readonly facets: WorklistFacets;
  readonly isFirst: boolean;
  readonly hasMore: boolean;
}

type Asked = Readonly<Partial<Record<string, string | number | undefined>>>;

const FLAG_FILTERS = [
  ['', 'All'],
  ['calcified', 'Flagged'],
  ['disagree', 'Model and CT differ'],
  ['uncertain', 'Levels uncertain'],
  ['unstated', 'Nothing stated'],
] as const;

/** What only a link asks for: shown, so that nobody wonders why the list is short. */
const BY_LINK = {
  field: (value: unknown) => `${value} T`,
  sex: (value: unknown) => `sex ${value}`,
  ageFrom: (value: unknown) => `from ${value} years`,
  ageTo: (value: unknown) => `to ${value} years`,
  accession: (value: unknown) => `accession ${value}`,
  study: (value: unknown) => `study ${value}`,
} as const;

export function worklistPage({ rows, query, facets, isFirst, hasMore }: WorklistPage): Html {
  const { total } = facets;
  const turned = { ...query, page: undefined, after: undefined, before: undefined };
  return html`<h1>Worklist</h1>
<nav class="chips" aria-label="Filter by flag">${FLAG_FILTERS.map(([flag, label]) => filterLink(flag, label, query, facets))}${outcomeChip(query)}</nav>
${filterForm(query, facets)}
<div data-live>
${rows.length === 0 ? empty(query) : table(rows, query)}
<nav class="pages" aria-label="Pages"><span>${total} case${total !== 1 && 's'}</span>
  ${!isFirst && rows[0] && html`<a rel="prev" href="${link({ ...turned, before: rows[0].id })}">Newer</a> <a href="${link(turned)}">First</a>`}
  ${hasMore && html`<a rel="next" href="${link({ ...turned, after: rows.at(-1)!.id })}">Older</a>`}
  <a href="/worklist.csv${link(turned).slice(1)}">CSV</a>
</nav></div>
<p class="legend"><span class="flag yes">● calcified</span> <span class="flag no">○ not calcified</span>: what the
model says, with its probability. <span class="flag unstated">◐ indeterminate</span>, <span class="flag unstated">– not assessable</span>: it states nothing; the case says why. <span class="differs">≠</span> the CT says otherwise. <strong>?</strong> the level is in doubt.
Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous case, <kbd>/</kbd> find, <kbd>o</kbd> older, <kbd>n</kbd> newer.</p>`;
}

function filterForm(query: Asked, facets: WorklistFacets): Html {
  const { flag, level, sort, state, from, to, find } = query;
  const counted = (facet: WorklistFacets['site'], words: (value: string) => string) =>
    facet.map(({ value, count }) => [value, `${words(value)} (${count})`] as const);
  const hidden = Object.keys(BY_LINK)
    .concat('limit')
    .filter((key) => query[key] !== undefined && link({ [key]: query[key] }) !== '/');
  return html`<form class="filters" method="get" action="/" role="search">
  ${flag && html`<input type="hidden" name="flag" value="${flag}">`}${hidden.map((key) => html`<input type="hidden" name="${key}" value="${query[key]}">`)}
  <label>Disc ${select('level', level, [['', 'any'], ...LEVELS.map((each) => [each, each] as const)])}</label>
  <label>State ${select('state', state, [['', 'any'], ...statesWith(facets)])}</label>
  <label>Site ${select('site', query.site, [['', 'any'], ...counted(facets.site, (value) => value || 'not said').filter(([value]) => value !== '')])}</label>
  <label>Scanner ${select('scanner', query.scanner, [['', 'any'], ...counted(facets.scanner, (value) => value).filter(([value]) => value !== '')])}</label>
  <label>CT ${select('ct', query.ct, [['', 'any'], ...counted(facets.ct, (value) => (value === 'paired' ? 'paired' : 'none'))])}</label>
  <label>MR from <input type="date" name="from" value="${from ?? ''}"></label>
  <label>to <input type="date" name="to" value="${to ?? ''}"></label>
  <label>Sort by ${select('sort', sort, SORTS)}</label>
  <label>Part of name, patient ID or accession number <input name="find" value="${find ?? ''}" autocomplete="off"></label>
  <button>Find</button> ${isFiltered(query) && html`<a href="/">Clear</a>`}
  ${
    hidden.length > 0 &&
    html`<span class="quiet">${Object.entries(BY_LINK)
      .flatMap(([key, words]) => (query[key] === undefined ? [] : words(query[key])))
      .join(', ')}</span>`
  }
</form>`;
}

/** Every state by its words, with how many there are where there are some. */
function statesWith({ state }: WorklistFacets): (readonly [string, string])[] {
  const counts = new Map(state.map(({ value, count }) => [value, count]));
  return Object.entries(STATE_WORDS).map(([value, words]) => [
    value,
    counts.has(value) ? `${words} (${counts.get(value)})` : words,
  ]);
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  'true-positive': 'Calcified by model and CT',
  'false-positive': 'Calcified by the model only',
  'false-negative': 'Calcified by the CT only',
  'true-negative': 'Calcified by neither',
};

/** The quality page's numbers open such lists. */
function outcomeChip(query: Asked): Html | false {
  const words = OUTCOME_WORDS[String(query.flag)];
  return words !== undefined && html`<a href="${link(query)}" aria-current="page">${words}</a>`;
}

const SORTS = [
  ['', 'newest first'],
  ['patient', 'patient'],
  ['accession', 'accession number'],
  ['mr', 'date of the MR'],
  ['state', 'state'],
] as const;

function select(
  name: string,
  current: string | number | undefined,
  options: readonly (readonly [value: string, label: string])[],
): Html {
  return html`<select name="${name}">${options.map(
    ([value, label]) =>
      html`<option value="${value}"${value === (current ?? '') && html` selected`}>${label}</option>`,
  )}</select>`;
}

/** Another filter starts at its own first page. */
function filterLink(flag: string, label: string, query: Asked, facets: WorklistFacets): Html {
  const isCurrent = (query.flag ?? '') === flag;
  const href = link({
    ...query,
    flag: flag || undefined,
    page: undefined,
    after: undefined,
    before: undefined,
  });
  const count = query.flag ? undefined : facets.flag.find(({ value }) => value === flag)?.count;
  return html`<a href="${href}"${isCurrent && html` aria-current="page"`}>${label}${count !== undefined && html` <small>${count}</small>`}</a>`;
}

function link(query: Asked): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    const isDefault = value === undefined || value === '' || DEFAULTS[key] === value;
    if (!isDefault) search.set(key, String(value));
  }
  return search.size === 0 ? '/' : `/?${search}`;
}

/** What need not stand in an address. */
const DEFAULTS: Readonly<Record<string, number>> = { page: 0, limit: 50 };

const NO_FILTERS: ReadonlySet<string> = new Set(['sort', 'page', 'limit', 'after', 'before']);

function isFiltered(query: Asked): boolean {
  return Object.entries(query).some(
    ([key, value]) => !NO_FILTERS.has(key) && value !== undefined && value !== '',
  );
}

function empty(query: Asked): Html {
  return html`<p class="empty">${
    isFiltered(query)
      ? html`No case matches. <a href="/find?q=${query.find ?? query.accession ?? query.study ?? ''}">Look for it among everything that has arrived</a>.`
      : 'No case yet. Send a sagittal T2 lumbar MR to this agent by C-STORE; it shows here as soon as its series is complete.'
  }</p>`;
}

function table(rows: readonly WorklistRow[], query: Asked): Html {
  const list = link(query).slice(2);
  return html`<table class="worklist">
<thead><tr><th scope="col">Patient</th><th scope="col">Accession</th><th scope="col">MR</th><th scope="col">CT</th>
${LEVELS.map((level) => html`<th scope="col" class="level">${level}</th>`)}
<th scope="col">State</th></tr></thead>
<tbody>${rows.map((row) => tableRow(row, list))}</tbody></table>`;
}

function tableRow(row: WorklistRow, list: string): Html {
  const href = `/cases/${row.id}${list && `?list=${encodeURIComponent(list)}`}`;
  return html`<tr>
<th scope="row"><a href="${href}">${personName(row.patientName) || 'no name'}</a><small>${row.patientId}</small></th>
<td class="accession" data-label="Accession">${row.accessionNumber}</td>
<td class="date" data-label="MR">${row.mrAcquisitionDate ?? '–'}<small>${row.studyDescription}</small></td>
<td class="date" data-label="CT">${pairingCell(row)}</td>
${LEVELS.map((level) => html`<td class="level" data-label="${level}">${flagCell(level, row)}</td>`)}
<td class="status" data-label="State"><span class="state ${row.state}">${STATE_WORDS[row.state]}</span>
<small>${row.revision > 1 && `revision ${row.revision}, `}<time datetime="${row.stateSince.toISOString()}" title="${moment(row.stateSince)} UTC">for ${age(row.stateSince)}</time>${row.lastErrorCode && ` · ${row.lastErrorCode}`}${row.waitingFor && ` · waits: ${row.waitingFor}`}${row.closedBecause && ` · ${row.closedBecause}`}</small></td>
</tr>`;
}

function pairingCell({ pairingOutcome, intervalDays }: WorklistRow): Html {
  if (pairingOutcome === null) return html`–`;
  if (intervalDays !== null) return html`${apart(intervalDays)}`;
  return html`<span class="quiet">${PAIRING_WORDS[pairingOutcome] ?? pairingOutcome}</span>`;
}

function flagCell(level: Level, row: WorklistRow): Html {
  const flag = row.flags.find((each) => each.level === level);
  if (!flag) return row.locateStatus === null ? html`` : html`<span class="quiet">not found</span>`;
  return html`${modelFlag(flag, row.locateStatus === 'uncertain')}${flag.ctLabel && ctFlag(flag, flag.ctLabel)}`;
}

function modelFlag({ answer, probability }: WorklistFlag, isUncertain: boolean): Html {
  if (answer === null || probability === null) return html`<span class="quiet">–</span>`;
  const said = isStated(answer) ? percent(probability) : ANSWER_WORDS[answer].toLowerCase();
  return html`<span class="flag ${ANSWER_CLASSES[answer]}">${ANSWER_SIGNS[answer]} ${said}${isUncertain && ' ?'}</span>`;
}

function ctFlag({ calcified }: WorklistFlag, ctLabel: CtLabel): Html {
  const differs =
    calcified !== null && ctLabel !== 'indeterminate' && calcified !== (ctLabel === 'calcified');
  return html`<small class="ct ${ctLabel}">${differs && html`<span class="differs" title="the CT says otherwise">≠</span> `}CT ${CT_LABELS[ctLabel].words}</small>`;
}
