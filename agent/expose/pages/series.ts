import type { ChoiceCandidate } from '../../../db/tables/choices.js';
import type { CaseView } from '../../../db/views/caseView.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

/** Which series of the study is read, and what is said of the others. */
export function choiceSection({ choice }: CaseView): Html | false {
  if (!choice) return false;
  const { candidates, agreement } = choice;
  return html`<section aria-labelledby="series"><h2 id="series">Series of the study</h2>
<table><thead><tr><th scope="col">Series</th><th scope="col">Contrast</th><th scope="col">Levels</th><th scope="col">Read</th></tr></thead>
<tbody>${candidates.map(candidateRow)}</tbody></table>
${agreement.agrees.map(({ seriesInstanceUid, medianMm }) => html`<p class="quiet">The same levels in ${called(candidates, seriesInstanceUid)}, within ${medianMm} mm.</p>`)}
${agreement.doubts.map((doubt) => html`<p class="alert">${doubt}</p>`)}</section>`;
}

function candidateRow(each: ChoiceCandidate): Html {
  const { seriesNumber, seriesDescription, contrast, status, reasons, verdict, why } = each;
  return html`<tr><th scope="row">${seriesNumber ?? '–'} <small>${seriesDescription}</small></th><td>${contrast}</td>
<td>${status}${reasons.length > 0 && html` <small>${reasons.join('; ')}</small>`}</td><td>${verdict === 'chosen' ? html`<strong>read</strong>` : why}</td></tr>`;
}

function called(candidates: readonly ChoiceCandidate[], uid: string): string {
  const found = candidates.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
  return `series ${found?.seriesNumber ?? 'without number'}`;
}

/** What the cases reported that this one goes on for. */
export function joinedReports({ joined }: CaseView): Html | false {
  if (joined.length === 0) return false;
  return html`<h3>Reports of cases joined with this one</h3>
<table><thead><tr><th scope="col">Case</th><th scope="col">Series</th><th scope="col">Revision</th><th scope="col">SOP Instance UID</th><th scope="col">Built</th></tr></thead>
<tbody>${joined.flatMap(({ case: row, mrSeries, reports }) =>
    reports.map(
      ({
        revision,
        sopInstanceUid,
        createdAt,
      }) => html`<tr><td class="id"><a href="/cases/${row.id}">${row.id.slice(0, 8)}</a></td><td>${mrSeries.seriesNumber ?? '–'} <small>${mrSeries.seriesDescription}</small></td>
<td>${revision}</td><td class="id">${sopInstanceUid}</td><td>${moment(createdAt)}</td></tr>`,
    ),
  )}</tbody></table>`;
}
