import {
  UNMATCHED_WORDS,
  WRITTEN_WORDS,
  type WrittenCounts,
  type WrittenDiscRow,
  type WrittenReport,
  type WrittenReportRow,
  type WrittenWord,
} from '../../../db/tables/writtenReports.js';
import type { CaseView } from '../../../db/views/caseView.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

export const WORDS = {
  calcified: 'calcified',
  'not-calcified': 'not calcified',
  'not-mentioned': 'not mentioned',
} as const satisfies Record<WrittenWord, string>;

/** On the case's page: what radiologists wrote of each disc, with the sentence; corrections have a page of their own. */
export function writtenSection({ case: { id }, writtenReports }: CaseView): Html | false {
  const [counts] = writtenReports;
  if (!counts) return false;
  const mentioned = counts.discs.filter(({ sentence, corrected }) => sentence !== '' || corrected !== null);
  return html`<section aria-labelledby="written"><h2 id="written">Written report</h2>
<p class="facts">${heading(counts)}</p>
${mentioned.length === 0 && html`<p class="empty">Its words say nothing of calcified discs${counts.language === null && ': they are in no language that is understood here'}.</p>`}
<ul>${mentioned.map((disc) => html`<li><strong>${disc.level}</strong> ${WORDS[disc.corrected ?? disc.heard]}${disc.corrected && html` <span class="quiet">(heard: ${WORDS[disc.heard]}; corrected by ${disc.correctedBy})</span>`} <q>${disc.sentence}</q></li>`)}</ul>
<p class="quiet">Heard by words, not by a person: <a href="/cases/${id}/written">read it whole, check and correct</a>${writtenReports.length > 1 && ` (${writtenReports.length} reports)`}.</p></section>`;
}

function heading({ status, signedBy, signedAt, source, language, receivedAt }: WrittenReportRow): Html {
  const state = status === 'F' ? 'final' : status === 'C' ? 'corrected' : `status ${status}: does not count`;
  return html`<span>${state}</span> <span>${signedBy || 'nobody named'}</span> <span>${signedAt ? `signed ${moment(signedAt)} UTC` : 'no time of signing'}</span> <span>received ${moment(receivedAt)} by ${source}</span> <span>${language ?? 'language not known'}</span>`;
}

export interface WrittenPage {
  readonly view: Pick<CaseView, 'case' | 'study' | 'writtenReports'>;
  /** For forms; null where whoever looks may correct nothing. */
  readonly csrf: string | null;
}

/** The reports whole, what was heard of each disc, and forms to correct it. */
export function writtenPage({ view: { case: row, study, writtenReports }, csrf }: WrittenPage): Html {
  return html`<p><a href="/cases/${row.id}">← Case</a></p><h1>Written reports <small>${study.accessionNumber || study.patientId}</small></h1>
${writtenReports.length === 0 && html`<p class="empty">No written report of this study has come.</p>`}
${writtenReports.map((report, i) => reportSection(report, row.id, i, csrf))}`;
}

function reportSection(report: WrittenReport, caseId: string, place: number, csrf: string | null): Html {
  return html`<section aria-labelledby="report-${place}"><h2 id="report-${place}">${place === 0 ? 'The one that counts' : 'Another'}</h2><p class="facts">${heading(report)}</p>
<table class="people"><thead><tr><th scope="col">Disc</th><th scope="col">Heard</th><th scope="col">Sentence</th><th scope="col">Corrected</th></tr></thead>
<tbody>${report.discs.map((disc) => discRow(disc, report.id, caseId, csrf))}</tbody></table>
<details${place === 0 && html` open`}><summary>The report as it was written</summary><pre tabindex="0">${report.body}</pre></details></section>`;
}

function discRow(disc: WrittenDiscRow, reportId: string, caseId: string, csrf: string | null): Html {
  const { level, heard, sentence, corrected, correctedBy, correctedAt } = disc;
  const said =
    corrected &&
    html`${WORDS[corrected]}<small>${correctedBy}, ${correctedAt && moment(correctedAt)}</small>`;
  const form =
    csrf !== null &&
    html`<form method="post" action="/cases/${caseId}/written"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="report" value="${reportId}"><input type="hidden" name="level" value="${level}">
<select name="word" aria-label="${level} says"><option value="">as it was heard</option>${WRITTEN_WORDS.map((word) => html`<option value="${word}"${word === corrected && html` selected`}>${WORDS[word]}</option>`)}</select> <button aria-label="Correct ${level}">Correct</button></form>`;
  return html`<tr><th scope="row">${level}</th><td>${WORDS[heard]}</td><td>${sentence || '–'}</td><td>${said}${form}</td></tr>`;
}

/** What came and is of no study here. */
export function unmatchedPage(counts: WrittenCounts, rows: readonly WrittenReportRow[]): Html {
  return html`<p><a href="/quality?truth=report">← Quality</a></p><h1>Written reports of no study here <small>${counts.unmatched} of ${counts.all}</small></h1>
<table class="people"><thead><tr><th scope="col">Received (UTC)</th><th scope="col">Accession number</th><th scope="col">Study UID</th><th scope="col">Patient ID</th><th scope="col">Why</th><th scope="col">From</th></tr></thead>
<tbody>${rows.map(({ receivedAt, accessionNumber, studyInstanceUid, patientId, unmatchedBecause, sender, source, controlId }) => html`<tr><th scope="row">${moment(receivedAt)}</th><td>${accessionNumber || '–'}</td><td>${studyInstanceUid || '–'}</td><td>${patientId}</td><td>${unmatchedBecause && UNMATCHED_WORDS[unmatchedBecause]}</td><td>${sender || source}<small>${controlId}</small></td></tr>`)}</tbody></table>
${rows.length === 0 && html`<p class="empty">All that came found their study.</p>`}
<p class="legend">Each is kept whole, and is looked at again when its study comes.${counts.unmatched > rows.length && ` The newest ${rows.length} are shown.`}</p>`;
}
