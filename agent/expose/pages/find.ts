import type { Found, FoundItem } from '../find.js';
import { type Html, html } from '../html.js';
import { personName } from '../words.js';

/** "Where is my study?" for everything that ever arrived. */
export function findPage(query: string | undefined, found: Found | null): Html {
  return html`<p><a href="/">← Worklist</a></p><h1>Where is it?</h1>
<form class="filters" method="get" action="/find" role="search">
<label>Accession number, patient ID, UID, part of a name, or a sender's AE title <input name="q" value="${query ?? ''}" autocomplete="off" autofocus></label>
<button>Find</button></form>
${found && (found.items.length === 0 ? nothing(query ?? '') : table(found))}`;
}

function nothing(query: string): Html {
  return html`<p class="empty">Nothing that has arrived here is known by “${query}”. If it was sent: did the sender
get an answer, and from this agent? A refused association is found by the sender's AE title or address.</p>`;
}

function table({ items, isCut }: Found): Html {
  return html`${isCut && html`<p class="alert" role="alert">There is more than is shown: ask more narrowly.</p>`}
<table class="found"><thead><tr><th scope="col">Patient</th><th scope="col">Accession</th><th scope="col">What</th><th scope="col">Where</th><th scope="col">Why</th></tr></thead>
<tbody>${items.map(row)}</tbody></table>`;
}

function row({ patientId, patientName, accessionNumber, what, where, why, caseId, uid }: FoundItem): Html {
  return html`<tr><th scope="row">${personName(patientName ?? '') || '–'}<small>${patientId ?? ''}</small></th>
<td>${accessionNumber || '–'}</td><td>${what}<small class="id">${uid ?? ''}</small></td>
<td>${caseId ? html`<a href="/cases/${caseId}">${where}</a>` : where}</td><td>${why ?? '–'}</td></tr>`;
}
