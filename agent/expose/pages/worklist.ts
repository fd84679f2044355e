import type { WorklistFlag, WorklistRow } from '../../../db/views/worklist.js';
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
  readonly query: Readonly<
    Partial<Record<'flag' | 'level' | 'find' | 'sort' | 'state' | 'from' | 'to', string | undefined>>
  >;
  readonly page: number;
  readonly hasMore: boolean;
  /** Of the cases on all pages. */
  readonly total: number;
}

const FILTERS = [
  ['', 'All'],
  ['calcified', 'Flagged'],
  ['disagree', 'Model and CT differ'],
  ['uncertain', 'Levels uncertain'],
] as const;

export function worklistPage({ rows, query, page, hasMore, total }: WorklistPage): Html {
  return html`<h1>Worklist</h1>
<nav class="chips" aria-label="Filter by flag">${FILTERS.map(([flag, label]) => filterLink(flag, label, query))}</nav>
${filterForm(query)}
<div data-live>
${rows.length === 0 ? empty(query) : table(rows, query, page)}
<nav class="pages" aria-label="Pages"><span>${total} case${total !== 1 && 's'}</span>
  ${page > 0 && html`<a href="${link({ ...query, page: page - 1 })}">Newer</a>`}
  ${hasMore && html`<a href="${link({ ...query, page: page + 1 })}">Older</a>`}
</nav></div>
<p class="legend"><span class="flag yes">● calcified</span> <span class="flag no">○ not calcified</span>: what the
model says, with its probability. <span class="flag unstated">◐ indeterminate</span>, <span class="flag unstated">– not assessable</span>: it states nothing; the case says why. <span class="differs">≠</span> the CT says otherwise. <strong>?</strong> the level is in doubt.</p>`;
}

function filterForm(query: WorklistPage['query']): Html {
  const { flag, level, sort, state, from, to, find } = query;
  return html`<form class="filters" method="get" action="/" role="search">
  ${flag && html`<input type="hidden" name="flag" value="${flag}">`}
  <label>Disc ${select('level', level, [['', 'any'], ...LEVELS.map((each) => [each, each] as const)])}</label>
  <label>State ${select('state', state, [['', 'any'], ...Object.entries(STATE_WORDS)])}</label>
  <label>MR from <input type="date" name="from" value="${from ?? ''}"></label>
  <label>to <input type="date" name="to" value="${to ?? ''}"></label>
  <label>Sort by ${select('sort', sort, SORTS)}</label>
  <label>Part of name, patient ID or accession number <input name="find" value="${find ?? ''}" autocomplete="off"></label>
  <button>Find</button> ${isFiltered(query) && html`<a href="/">Clear</a>`}
</form>`;
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
  current: string | undefined,
  options: readonly (readonly [value: string, label: string])[],
): Html {
  return html`<select name="${name}">${options.map(
    ([value, label]) =>
      html`<option value="${value}"${value === (current ?? '') && html` selected`}>${label}</option>`,
  )}</select>`;
}

/** Another filter starts at its own first page. */
function filterLink(flag: string, label: string, query: WorklistPage['query']): Html {
  const isCurrent = (query.flag ?? '') === flag;
  const href = link({ ...query, flag: flag || undefined, page: undefined });
  return html`<a href="${href}"${isCurrent && html` aria-current="page"`}>${label}</a>`;
}

function link(query: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    const isDefault = value === undefined || value === '' || DEFAULTS[key] === value;
    if (!isDefault) search.set(key, String(value));
  }
  return search.size === 0 ? '/' : `/?${search}`;
}

/** What need not stand in an address. */
const DEFAULTS: Readonly<Record<string, number>> = { page: 0, limit: 50 };

function isFiltered({ flag, level, find, state, from, to }: WorklistPage['query']): boolean {
  return [flag, level, find, state, from, to].some(Boolean);
}

function empty(query: WorklistPage['query']): Html {
  return html`<p class="empty">${
    isFiltered(query)
      ? html`No case matches. <a href="/find?q=${query.find ?? ''}">Look for it among everything that has arrived</a>.`
      : 'No case yet. Send a sagittal T2 lumbar MR to this agent by C-STORE; it shows here as soon as its series is complete.'
  }</p>`;
}

function table(rows: readonly WorklistRow[], query: WorklistPage['query'], page: number): Html {
  const list = link({ ...query, page }).slice(2);
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
