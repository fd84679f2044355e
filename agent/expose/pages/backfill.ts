import type { BackfillStudyRow } from '../../../db/tables/backfillStudies.js';
import type { BackfillRow } from '../../../db/tables/backfills.js';
import { type BackfillProgress, reasonLines, settledOf } from '../../../db/views/backfillProgress.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

const STATES = {
  searching: 'the source is being asked',
  reading: 'being read',
  done: 'done',
  stopped: 'stopped',
} as const satisfies Record<BackfillRow['state'], string>;

/** All backfills, the newest first. */
export function backfillsPage(all: readonly BackfillProgress[], isAgentAlive: boolean): Html {
  return html`<h1>Backfill <small>studies of the past; nothing of them is sent</small></h1>
${idleAlert(all, isAgentAlive)}
${
  all.length === 0
    ? html`<p class="empty">None was asked for. <code>calcidisc backfill --from 2025-01-01 --to 2025-06-30</code> asks for one.</p>`
    : html`<table><thead><tr><th scope="col">Asked</th><th scope="col">Source</th><th scope="col">Study dates</th><th scope="col">State</th><th scope="col">Read</th><th scope="col">Left out</th><th scope="col">Failed</th><th scope="col">To go</th><th scope="col">Waits for</th></tr></thead>
<tbody>${all.map(progressRow)}</tbody></table>`
}`;
}

function progressRow(progress: BackfillProgress): Html {
  const { backfill: row, studies } = progress;
  return html`<tr><th scope="row"><a href="/backfill/${row.id}">${moment(row.askedAt)}</a><small>${row.askedBy}</small></th><td>${row.source}</td><td>${row.dateFrom} to ${row.dateTo}</td>
<td>${STATES[row.state]}</td><td>${studies.done}</td><td>${studies['left-out']}</td><td>${studies.failed}</td><td>${toGo(progress)}</td><td>${waitsFor(progress) ?? '–'}</td></tr>`;
}

/** One backfill: how far, why studies were left out, and its acceptance report. */
export function backfillPage(
  progress: BackfillProgress,
  all: readonly BackfillStudyRow[],
  isAgentAlive: boolean,
): Html {
  const { backfill: row, found, studies, reasons } = progress;
  const told = all.filter(({ state, lastError }) => state === 'left-out' || state === 'failed' || lastError);
  const waits = waitsFor(progress);
  return html`<nav class="pages" aria-label="Backfills"><a href="/backfill">← All backfills</a></nav>
<h1>Backfill <small>${row.source}, ${row.dateFrom} to ${row.dateTo}</small></h1>
${idleAlert([progress], isAgentAlive)}
<p><label>${settledOf(progress)} of ${found} studies found are done with <progress max="${Math.max(1, found)}" value="${settledOf(progress)}"></progress></label></p>
<dl><dt>State</dt><dd>${STATES[row.state]}; ${searchedWords(row)}</dd>
<dt>Studies</dt><dd>${studies.done} read, ${studies['left-out']} left out, ${studies.failed} failed, ${toGo(progress)} to go</dd>
${waits && html`<dt>Waits for</dt><dd>${waits}</dd>`}
${row.lastError && row.state === 'searching' && html`<dt>Source</dt><dd>could not be asked: ${row.lastError}</dd>`}
<dt>Asked</dt><dd>${moment(row.askedAt)} by ${row.askedBy}${row.endedAt && html`; ended ${moment(row.endedAt)}`}</dd>
<dt>Results</dt><dd>${row.releasedAt ? `let go on ${moment(row.releasedAt)}` : 'stay here: nothing of it is sent'}</dd></dl>
<p><a href="/backfill/${row.id}/acceptance">Acceptance report</a>${row.state !== 'done' && ' (of what has been read so far)'}, one page to print: agreement with CT, coverage, refusals, turnaround, pictures.</p>
<section aria-labelledby="out"><h2 id="out">Left out and failed</h2>
${Object.keys(reasons).length > 0 && html`<ul>${reasonLines(reasons).map((line) => html`<li>${line}</li>`)}</ul>`}
${told.length === 0 ? html`<p class="empty">None so far.</p>` : studyTable(told)}</section>`;
}

const toGo = ({ studies }: BackfillProgress) => studies.due + studies.fetching + studies.reading;

/** Only of one that is under way. */
function waitsFor(progress: BackfillProgress): string | null {
  const { state, waitingFor } = progress.backfill;
  const isOpen = state === 'searching' || state === 'reading';
  return isOpen && toGo(progress) > 0 ? waitingFor : null;
}

function searchedWords({ searchedTo, dateTo }: BackfillRow): string {
  return searchedTo === dateTo ? 'all days asked for' : `asked for up to ${searchedTo ?? 'no day yet'}`;
}

/** A backfill that nobody works off looks like one that is slow. */
function idleAlert(all: readonly BackfillProgress[], isAgentAlive: boolean): Html | false {
  const isOpen = all.some(({ backfill: { state } }) => state === 'searching' || state === 'reading');
  if (!isOpen || isAgentAlive) return false;
  return html`<p class="alert" role="alert"><strong>No agent lives:</strong> it goes on when <code>calcidisc up</code> (or <code>agent</code>) does.</p>`;
}

const MOST_SHOWN = 500;

function studyTable(studies: readonly BackfillStudyRow[]): Html {
  const more = studies.length - MOST_SHOWN;
  return html`<table><thead><tr><th scope="col">Date</th><th scope="col">Study</th><th scope="col">State</th><th scope="col">Why</th></tr></thead>
<tbody>${studies
    .slice(0, MOST_SHOWN)
    .map(
      ({ studyDate, studyInstanceUid, state, reason, lastError }) =>
        html`<tr><td>${studyDate ?? '–'}</td><td class="id">${studyInstanceUid}</td><td>${state}</td><td>${reason ?? lastError ?? ''}</td></tr>`,
    )}</tbody></table>${more > 0 && html`<p>${more} more: <code>calcidisc backfill show</code> lists them all.</p>`}`;
}
