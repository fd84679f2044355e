import type { SavedViewRow } from '../../../db/tables/savedViews.js';
import type { WorklistFlag, WorklistRow } from '../../../db/views/worklist.js';
import type { WorklistFacets } from '../../../db/views/worklistCounts.js';
import { ANSWER_WORDS, isStated } from '../../domain/answers.js';
import { type BmiGroup, bmiWords } from '../../domain/bmiBands.js';
import { CT_LABELS, type CtLabel } from '../../domain/ctLabels.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { type Html, type HtmlValue, html } from '../html.js';
import { WORKLIST_COLUMNS, type WorklistColumn } from '../query.js';
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
import { type Asked, listLink } from './listLink.js';

export interface WorklistPage {
  readonly rows: readonly WorklistRow[];
  readonly query: Asked;
  /** How many of what is asked for have each flag, state, site. */
  readonly facets: WorklistFacets;
  readonly isFirst: boolean;
  readonly hasMore: boolean;
  readonly views?: readonly SavedViewRow[];
  /** For who may keep views of their own. */
  readonly csrf?: string | null;
}

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
  bmi: (value: unknown) => `BMI ${bmiWords(value as BmiGroup)}`,
  accession: (value: unknown) => `accession ${value}`,
  study: (value: unknown) => `study ${value}`,
  delivery: (value: unknown) =>
    value === 'parked' ? 'refused for good by a destination' : 'waiting for a destination',
  destination: (value: unknown) => `destination ${value}`,
  code: (value: unknown) => `parked by ${value}`,
} as const;

export function worklistPage({
  rows,
  query,
  facets,
  isFirst,
  hasMore,
  views = [],
  csrf = null,
}: WorklistPage): Html {
  const { total } = facets;
  const turned = { ...query, page: undefined, after: undefined, before: undefined };
  return html`<h1>Worklist</h1>
<nav class="chips" aria-label="Filter by flag">${FLAG_FILTERS.map(([flag, label]) => filterLink(flag, label, query, facets))}${outcomeChip(query)}</nav>
${viewsLine(views, query, csrf)}
${filterForm(query, facets)}
<div data-live>
${rows.length === 0 ? empty(query) : table(rows, query)}
<nav class="pages" aria-label="Pages"><span>${total} case${total !== 1 && 's'}</span>
  ${!isFirst && rows[0] && html`<a rel="prev" href="${listLink({ ...turned, before: rows[0].id })}">Newer</a> <a href="${listLink(turned)}">First</a>`}
  ${hasMore && html`<a rel="next" href="${listLink({ ...turned, after: rows.at(-1)!.id })}">Older</a>`}
  <a href="/worklist.csv${listLink(turned).slice(1)}">CSV</a>
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
    .filter((key) => query[key] !== undefined && listLink({ [key]: query[key] }) !== '/');
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
  ${columnChoice(query)}
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

/** Which columns there are beside patient and discs, and how a row fills them. */
const COLUMNS = {
  accession: { words: 'Accession', cell: (row) => row.accessionNumber, kind: 'accession' },
  mr: {
    words: 'MR',
    cell: (row) => html`${row.mrAcquisitionDate ?? '–'}<small>${row.studyDescription}</small>`,
    kind: 'date',
  },
  ct: { words: 'CT', cell: pairingCell, kind: 'date' },
  site: { words: 'Site', cell: ({ site }) => site || '–', kind: 'where' },
  scanner: { words: 'Scanner', cell: ({ scanner }) => scanner || '–', kind: 'where' },
  readers: { words: 'Readers', cell: readersCell, kind: 'where' },
  arrived: {
    words: 'Arrived',
    cell: ({ createdAt }) =>
      html`<time datetime="${createdAt.toISOString()}">${moment(createdAt).slice(0, 16)}</time>`,
    kind: 'where',
  },
  state: { words: 'State', cell: stateCell, kind: 'status' },
} as const satisfies Record<
  WorklistColumn,
  { words: string; cell: (row: WorklistRow) => HtmlValue; kind: string }
>;

const USUAL_COLUMNS: readonly WorklistColumn[] = ['accession', 'mr', 'ct', 'state'];

function columnsOf({ columns }: Asked): readonly WorklistColumn[] {
  return columns ? (String(columns).split(',') as WorklistColumn[]) : USUAL_COLUMNS;
}

function columnChoice(query: Asked): Html {
  const shown = columnsOf(query);
  return html`<details class="columns"><summary>Columns</summary><div>${WORKLIST_COLUMNS.map((column) => html`<label><input type="checkbox" name="columns" value="${column}"${shown.includes(column) && html` checked`}> ${COLUMNS[column].words}</label>`)}</div></details>`;
}

/** Lists by names of one's own, and a form for one more. */
function viewsLine(views: readonly SavedViewRow[], query: Asked, csrf: string | null): Html | false {
  if (csrf === null) return false;
  const here = listLink({ ...query, page: undefined, after: undefined, before: undefined });
  const link = (view: SavedViewRow) => (view.query ? `/?${view.query}` : '/');
  const current = views.find((each) => link(each) === here);
  return html`<nav class="chips views" aria-label="Your views">${views.map((each) => html`<a href="${link(each)}"${each === current && html` aria-current="page"`}>${each.name}</a>`)}
<details><summary>${current ? 'Delete this view' : 'Save this view'}</summary>${
    current
      ? html`<form method="post" action="/views/delete"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="name" value="${current.name}"><button>Delete ${current.name}</button></form>`
      : html`<form method="post" action="/views"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="query" value="${here.slice(2)}">
<label>Name <input name="name" required maxlength="60" autocomplete="off"></label> <button>Save</button></form>`
  }</details></nav>`;
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
  return words !== undefined && html`<a href="${listLink(query)}" aria-current="page">${words}</a>`;
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
  const href = listLink({
    ...query,
    flag: flag || undefined,
    page: undefined,
    after: undefined,
    before: undefined,
  });
  const count = query.flag ? undefined : facets.flag.find(({ value }) => value === flag)?.count;
  return html`<a href="${href}"${isCurrent && html` aria-current="page"`}>${label}${count !== undefined && html` <small>${count}</small>`}</a>`;
}

const NO_FILTERS: ReadonlySet<string> = new Set(['columns', 'sort', 'page', 'limit', 'after', 'before']);

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
  const list = listLink(query).slice(2);
  const columns = columnsOf(query);
  const before = columns.filter((column) => column !== 'state');
  const after = columns.filter((column) => column === 'state');
  const heading = (column: WorklistColumn) => html`<th scope="col">${COLUMNS[column].words}</th>`;
  return html`<table class="worklist">
<thead><tr><th scope="col">Patient</th>${before.map(heading)}
${LEVELS.map((level) => html`<th scope="col" class="level">${level}</th>`)}
${after.map(heading)}</tr></thead>
<tbody>${rows.map((row) => tableRow(row, list, before, after))}</tbody></table>`;
}

function tableRow(
  row: WorklistRow,
  list: string,
  before: readonly WorklistColumn[],
  after: readonly WorklistColumn[],
): Html {
  const href = `/cases/${row.id}${list && `?list=${encodeURIComponent(list)}`}`;
  const cell = (column: WorklistColumn) => {
    const { kind, words, cell: fill } = COLUMNS[column];
    return html`<td class="${kind}" data-label="${words}">${fill(row)}</td>`;
  };
  return html`<tr>
<th scope="row"><a href="${href}">${personName(row.patientName) || 'no name'}</a><small>${row.patientId}</small></th>
${before.map(cell)}
${LEVELS.map((level) => html`<td class="level" data-label="${level}">${flagCell(level, row)}</td>`)}
${after.map(cell)}
</tr>`;
}

function stateCell(row: WorklistRow): Html {
  return html`<span class="state ${row.state}">${STATE_WORDS[row.state]}</span>
<small>${row.revision > 1 && `revision ${row.revision}, `}<time datetime="${row.stateSince.toISOString()}" title="${moment(row.stateSince)} UTC">for ${age(row.stateSince)}</time>${row.lastErrorCode && ` · ${row.lastErrorCode}`}${row.waitingFor && ` · waits: ${row.waitingFor}`}${row.closedBecause && ` · ${row.closedBecause}`}</small>`;
}

function readersCell({ readerAnswers, readerRejections }: WorklistRow): Html {
  if (readerAnswers === 0) return html`–`;
  return html`${readerAnswers}${readerRejections > 0 && html` <span class="differs">${readerRejections} rejected</span>`}`;
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
