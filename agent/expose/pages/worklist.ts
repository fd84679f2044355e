import type { WorklistFlag, WorklistRow } from '../../../db/worklist.js';
import { LEVELS, type Level } from '../../dicom/levels.js';
import { type Html, html } from '../html.js';
import { CT_WORDS, interval, moment, PAIRING_WORDS, percent, personName, STATE_WORDS } from '../words.js';

export interface WorklistPage {
  readonly rows: readonly WorklistRow[];
  readonly query: Readonly<{
    flag?: string | undefined;
    find?: string | undefined;
    state?: string | undefined;
  }>;
  readonly page: number;
  readonly hasMore: boolean;
}

const FILTERS = [
  ['', 'All'],
  ['calcified', 'Flagged'],
  ['disagree', 'Model and CT differ'],
  ['uncertain', 'Levels uncertain'],
] as const;

export function worklistPage({ rows, query, page, hasMore }: WorklistPage): Html {
  return html`<h1>Worklist</h1>
<form class="filters" method="get" action="/" role="search">
  <nav aria-label="Filter by flag">${FILTERS.map(([flag, label]) => filterLink(flag, label, query))}</nav>
  ${query.flag && html`<input type="hidden" name="flag" value="${query.flag}">`}
  <label>Patient ID or accession number <input name="find" value="${query.find ?? ''}" autocomplete="off"></label>
  <button>Find</button>
</form>
${rows.length === 0 ? empty(query) : table(rows)}
<nav class="pages" aria-label="Pages">
  ${page > 0 && html`<a href="${link({ ...query, page: page - 1 })}">Newer</a>`}
  ${hasMore && html`<a href="${link({ ...query, page: page + 1 })}">Older</a>`}
</nav>`;
}

function filterLink(flag: string, label: string, query: WorklistPage['query']): Html {
  const isCurrent = (query.flag ?? '') === flag;
  const href = link({ ...query, flag: flag || undefined });
  return html`<a href="${href}"${isCurrent && html` aria-current="page"`}>${label}</a>`;
}

function link(query: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== '') search.set(key, String(value));
  return search.size === 0 ? '/' : `/?${search}`;
}

function empty(query: WorklistPage['query']): Html {
  const isFiltered = Boolean(query.flag || query.find || query.state);
  return html`<p class="empty">${
    isFiltered
      ? 'No case matches.'
      : 'No case yet. Send a sagittal T2 lumbar MR to this agent by C-STORE; it shows here as soon as its series is complete.'
  }</p>`;
}

function table(rows: readonly WorklistRow[]): Html {
  return html`<div class="scroll"><table class="worklist">
<thead><tr><th scope="col">Patient</th><th scope="col">MR</th><th scope="col">CT</th>
${LEVELS.map((level) => html`<th scope="col" class="level">${level}</th>`)}
<th scope="col">State</th></tr></thead>
<tbody>${rows.map(tableRow)}</tbody></table></div>`;
}

function tableRow(row: WorklistRow): Html {
  return html`<tr>
<th scope="row"><a href="/cases/${row.id}">${personName(row.patientName) || 'no name'}</a><small>${row.patientId}</small></th>
<td>${row.mrAcquisitionDate ?? '–'}<small>${row.studyDescription}</small></td>
<td>${pairingCell(row)}</td>
${LEVELS.map((level) => html`<td class="level">${flagCell(level, row)}</td>`)}
<td><span class="state ${row.state}">${STATE_WORDS[row.state]}</span>
<small>${row.revision > 1 && `revision ${row.revision}, `}${moment(row.stateSince)}${row.lastErrorCode && ` ${row.lastErrorCode}`}</small></td>
</tr>`;
}

function pairingCell({ pairingOutcome, intervalDays }: WorklistRow): Html {
  if (pairingOutcome === null) return html`–`;
  if (intervalDays !== null) return html`${interval(intervalDays)}`;
  return html`<span class="quiet">${PAIRING_WORDS[pairingOutcome] ?? pairingOutcome}</span>`;
}

function flagCell(level: Level, row: WorklistRow): Html {
  const flag = row.flags.find((each) => each.level === level);
  if (!flag)
    return row.locateStatus === null ? html`` : html`<span class="quiet" title="not found">not found</span>`;
  return html`${modelFlag(flag, row.locateStatus === 'uncertain')}${
    flag.ctLabel && html`<small class="ct ${flag.ctLabel}">CT ${CT_WORDS[flag.ctLabel]}</small>`
  }`;
}

function modelFlag({ calcified, probability }: WorklistFlag, isUncertain: boolean): Html {
  if (calcified === null || probability === null) return html`<span class="quiet">–</span>`;
  const sign = calcified ? '●' : '○';
  return html`<span class="flag ${calcified ? 'yes' : 'no'}">${sign} ${percent(probability)}${isUncertain && ' ?'}</span>`;
}
