import type { People, PeopleCaseFilter, PeopleFilter, PersonRow, Spread } from '../../../db/views/people.js';
import { type Html, html } from '../html.js';
import { minutesText, personText } from '../peopleWords.js';

export interface PeoplePage {
  readonly people: People;
  readonly filter: PeopleFilter;
  readonly sites: readonly string[];
  readonly scanners: readonly string[];
}

type Asks = Omit<PeopleCaseFilter, keyof PeopleFilter>;

/** Who used the results, and whether they came in time; every number opens the list of its cases. */
export function peoplePage(page: PeoplePage): Html {
  const { people, filter } = page;
  return html`<h1>People <small>was the result there, who opened it, what did they say</small></h1>
${filterForm(page)}
${people.results === 0 ? html`<p class="empty">There is no result.</p>` : html`${timely(people, filter)}${opened(people, filter)}${personTable(people.people, filter)}`}
<p class="legend">There: stored by its first destination. Signed: the first final report of the study that came by HL7 or in a table
(<a href="/quality?truth=report">written reports</a>), by the time that it says; a message that says none has the time at which it was sent.
Opened: the case, or a report of it, was shown here after its first result; <strong>what people open in the PACS is seen nowhere here</strong>,
and what programs ask for by a token is nobody's look. A verdict is the newest word on each disc: rejected where one is rejected, else moved where a level or a box is,
else accepted. One who speaks by a document of a viewer and one with an account may be one person: they are two rows.
<a href="/api/v1/people${search(filter)}">JSON</a></p>`;
}

function filterForm({ filter, sites, scanners }: PeoplePage): Html {
  const select = (name: string, current: string | undefined, values: readonly string[]) =>
    html`<select name="${name}"><option value="">any</option>${values.map((value) => html`<option${value === current && html` selected`}>${value}</option>`)}</select>`;
  return html`<form class="filters" method="get" action="/people" role="search">
<label>MR from <input type="date" name="from" value="${filter.from ?? ''}"></label>
<label>to <input type="date" name="to" value="${filter.to ?? ''}"></label>
<label>Site ${select('site', filter.site, sites)}</label>
<label>Scanner ${select('scanner', filter.scanner, scanners)}</label>
<button>Show</button> ${search(filter) && html`<a href="/people">Clear</a>`}</form>`;
}

function timely(people: People, filter: PeopleFilter): Html {
  const { results, withReport, before, after, undelivered, noTime, backfill, noReport } = people;
  const tile = tileOf(filter);
  const rest = (words: string, count: number, there: Asks['there']) =>
    count > 0 && tile(words, count, { there });
  return html`<section aria-labelledby="timely"><h2 id="timely">Was the result there before the report was signed?</h2><dl class="tiles">
${tile('Results', results, {})}
${tile('With a written report', withReport, { there: 'report' }, share(withReport, results))}
${tile('There before it was signed', before.results, { there: 'before' }, share(before.results, withReport), spreadText(before, 'before'))}
${tile('There after it was signed', after.results, { there: 'after' }, share(after.results, withReport), spreadText(after, 'after'))}
${rest('Reports that say no time', noTime, 'no-time')}
${rest('Stored by no destination', undelivered, 'undelivered')}
${rest('Read later, by a backfill', backfill, 'backfill')}
${rest('Without a written report', noReport, 'no-report')}</dl></section>`;
}

function opened(
  { openedBefore, openedAfterOnly, openedByNobody, verdicts }: People,
  filter: PeopleFilter,
): Html {
  const all = openedBefore + openedAfterOnly + openedByNobody;
  const tile = tileOf(filter);
  return html`<section aria-labelledby="opened"><h2 id="opened">Was it opened here, and what was said? <small>${all} results whose report says when it was signed; verdicts of all results</small></h2><dl class="tiles">
${tile('Opened before signing', openedBefore, { opened: 'before-signing' }, share(openedBefore, all))}
${tile('Opened after the signature only', openedAfterOnly, { opened: 'after-signing' }, share(openedAfterOnly, all))}
${tile('Opened by nobody', openedByNobody, { opened: 'nobody' }, share(openedByNobody, all))}
${tile('Accepted', verdicts.accepted, { verdict: 'accepted' })}
${tile('Rejected', verdicts.rejected, { verdict: 'rejected' })}
${tile('Moved', verdicts.moved, { verdict: 'moved' })}
${tile('Something else said', verdicts.unclear, { verdict: 'unclear' })}</dl></section>`;
}

function tileOf(filter: PeopleFilter) {
  return (words: string, count: number, asks: Asks, beside = '', below = ''): Html =>
    html`<div><dt>${words}</dt><dd>${countLink(filter, count, asks)}${beside}${below && html` <span class="quiet">${below}</span>`}</dd></div>`;
}

function share(part: number, whole: number): string {
  return whole > 0 ? ` (${((100 * part) / whole).toFixed(1)} %)` : '';
}

function spreadText({ medianMinutes, lowMinutes, highMinutes }: Spread, side: string): string {
  if (medianMinutes === null || lowMinutes === null || highMinutes === null) return '';
  return `median ${minutesText(medianMinutes)} ${side}, 5 to 95 %: ${minutesText(lowMinutes)} to ${minutesText(highMinutes)}`;
}

function personTable(rows: readonly PersonRow[], filter: PeopleFilter): Html {
  if (rows.length === 0)
    return html`<p class="empty">Nobody has opened a result here, and nobody has said anything of one.</p>`;
  return html`<section aria-labelledby="persons"><h2 id="persons">Who</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Who"><table class="agreement"><thead><tr><th scope="col">Person</th><th scope="col">Results opened</th><th scope="col">before signing</th><th scope="col">after the signature only</th><th scope="col">Result to first look</th>
<th scope="col">Accepted</th><th scope="col">Rejected</th><th scope="col">Moved</th><th scope="col">Else</th><th scope="col">Without a verdict</th><th scope="col">Result to verdict</th></tr></thead>
<tbody>${rows.map((row) => personRow(row, filter))}</tbody></table></div></section>`;
}

function personRow(row: PersonRow, filter: PeopleFilter): Html {
  const { person } = row;
  const cell = (count: number, asks: Asks) =>
    html`<td class="number">${countLink(filter, count, { ...asks, person })}</td>`;
  const minutes = (value: number | null) =>
    html`<td class="number">${value === null ? '–' : minutesText(value)}</td>`;
  return html`<tr><th scope="row">${personText(person)}</th>${cell(row.opened, { opened: 'any' })}${cell(row.openedBefore, { opened: 'before-signing' })}${cell(row.openedAfterOnly, { opened: 'after-signing' })}${minutes(row.medianMinutesToOpen)}
${cell(row.accepted, { verdict: 'accepted' })}${cell(row.rejected, { verdict: 'rejected' })}${cell(row.moved, { verdict: 'moved' })}${cell(row.unclear, { verdict: 'unclear' })}${cell(row.withoutVerdict, { verdict: 'none' })}${minutes(row.medianMinutesToVerdict)}</tr>`;
}

function countLink(filter: PeopleFilter, count: number, asks: Asks): Html {
  return count === 0 ? html`0` : html`<a href="/people/cases${search({ ...filter, ...asks })}">${count}</a>`;
}

function search(asked: PeopleCaseFilter): string {
  const said = Object.entries(asked).filter(([, value]) => value !== undefined && value !== '');
  return said.length === 0 ? '' : `?${new URLSearchParams(said as [string, string][])}`;
}
