import type { PeopleCase, PeopleCaseFilter } from '../../../db/views/people.js';
import { type Html, html } from '../html.js';
import { minutesText, personText, THERE_WORDS, VERDICT_WORDS } from '../peopleWords.js';
import { moment } from '../words.js';

export interface PeopleCasesPage {
  readonly rows: readonly PeopleCase[];
  readonly total: number;
  readonly query: PeopleCaseFilter;
  /** There may be more. */
  readonly isFull: boolean;
}

const ASKED_WORDS: Readonly<Record<string, string>> = {
  ...THERE_WORDS,
  ...VERDICT_WORDS,
  report: 'with a written report',
  any: 'at any time',
  'before-signing': 'before signing',
  'after-signing': 'after the signature only',
  nobody: 'by nobody',
  none: 'none',
};

/** The cases that a number of the page of people stands for. */
export function peopleCasesPage({ rows, total, query, isFull }: PeopleCasesPage): Html {
  const { after: _, ...asked } = query;
  const last = rows.at(-1);
  const said = Object.entries(asked).filter(([, value]) => value !== undefined);
  return html`<p><a href="/people">← People</a></p><h1>Results <small>${total} case${total !== 1 && 's'}</small></h1>
<p class="facts">${said.map(([key, value]) => html`<span>${key} <strong>${key === 'person' ? personText(String(value)) : (ASKED_WORDS[String(value)] ?? String(value))}</strong></span> `)}</p>
${rows.length === 0 ? html`<p class="empty">No case is like that.</p>` : caseTable(rows)}
<nav class="pages" aria-label="Pages">${query.after !== undefined && html`<a href="/people/cases${search(asked)}">First page</a> `}${last && isFull && html`<a rel="next" href="/people/cases${search({ ...asked, after: last.caseId })}">Next</a>`}</nav>
<p class="legend">Times are UTC. What people open in the PACS is seen nowhere here.</p>`;
}

function caseTable(rows: readonly PeopleCase[]): Html {
  return html`<table class="people"><thead><tr><th scope="col">Case</th><th scope="col">MR</th><th scope="col">Where</th><th scope="col">Result</th><th scope="col">Report signed</th><th scope="col">Who</th></tr></thead>
<tbody>${rows.map(caseRow)}</tbody></table>`;
}

function caseRow(row: PeopleCase): Html {
  const { caseId, accessionNumber, mrDate, site, scanner, resultAt, deliveredAt, signedAt, there } = row;
  const seconds = row.secondsBeforeSigning;
  const apart = seconds === null ? '' : `, by ${minutesText(Math.abs(seconds) / 60)}`;
  return html`<tr><th scope="row"><a href="/cases/${caseId}">${accessionNumber || caseId.slice(0, 8)}</a></th><td>${mrDate ?? '–'}</td><td>${site || '–'}<small>${scanner}</small></td>
<td>${moment(resultAt)}<small>${deliveredAt ? `stored ${moment(deliveredAt)}` : 'stored nowhere'}</small></td>
<td>${signedAt ? moment(signedAt) : '–'}<small>${THERE_WORDS[there]}${apart}</small></td>
<td>${row.people.length === 0 ? 'nobody' : row.people.map(personLine)}</td></tr>`;
}

function personLine({ person, openedAt, opened, verdict }: PeopleCase['people'][number]): Html {
  const when = openedAt === null ? 'not opened here' : `opened ${moment(new Date(openedAt))}`;
  const side = opened && (opened === 'before-signing' ? ', before signing' : ', after signing');
  return html`<div>${personText(person)}<small>${when}${side}${verdict && `; ${VERDICT_WORDS[verdict]}`}</small></div>`;
}

function search(asked: PeopleCaseFilter): string {
  const said = Object.entries(asked).filter(([, value]) => value !== undefined && value !== '');
  return said.length === 0 ? '' : `?${new URLSearchParams(said as [string, string][])}`;
}
