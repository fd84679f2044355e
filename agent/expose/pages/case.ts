import type { CaseView } from '../../../db/views/caseView.js';
import type { Neighbours } from '../../../db/views/worklist.js';
import { ANSWER_WORDS, type Answer, isStated } from '../../domain/answers.js';
import { CT_LABELS } from '../../domain/ctLabels.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { nameOfCt, passedOverInWords, type WeighedCt } from '../../domain/pairing.js';
import { purgedTrailWords, purgedWords } from '../../domain/purgedWords.js';
import { agreement, measurementBeside } from '../comparison.js';
import { type Html, html } from '../html.js';
import { candidateLines, spellingLines } from '../identityWords.js';
import { readerDocuments } from '../readerWords.js';
import { asideLines, missingLines, unreadLines } from '../receivedWords.js';
import type { Viewer } from '../viewer.js';
import {
  ANSWER_SIGNS,
  commitmentText,
  hounsfield,
  identityLines,
  interval,
  moment,
  namingCommand,
  PAIRING_WORDS,
  personName,
  priorText,
  retryCommand,
  routeText,
  STATE_WORDS,
} from '../words.js';
import { actionSection, doneLine, type Looker, verdictForm } from './actions.js';
import { auditTable } from './audit.js';
import { discCard } from './disc.js';
import { modelSection } from './model.js';
import { type OverTime, overTimeSection } from './overTime.js';
import { choiceSection, joinedReports } from './series.js';
import { slicePicture } from './slice.js';
import { crossWords, viewerSection } from './viewer.js';
import { writtenSection } from './written.js';

/** One case: what the model saw and said, what the CT says, what became of the report, and who did what when. */
export function casePage(
  view: CaseView,
  { texts, prevalence, place = NO_PLACE, viewer, overTime, looker = NOBODY, again = false, done }: CaseParts,
): Html {
  const { case: row, study } = view;
  const discs = html`<section aria-labelledby="discs"><h2 id="discs">Discs</h2>
${view.purged.regions && html`<p class="quiet">${purgedWords('regions', view.purged.regions)}. The answers stand; they cannot be replayed.</p>`}
${view.regions.length === 0 && html`<p class="empty">No disc has been located${row.state === 'received' || row.state === 'paired' ? ' yet' : ''}.</p>`}
<ol class="discs">${LEVELS.map((level) => discCard(view, level, prevalence, verdictForm(view, level, looker)))}</ol></section>`;
  return html`${place && placeLinks(place)}
${doneLine(done)}
<h1>${personName(study.patientName) || 'no name'} <small>${study.patientId}</small></h1>
<p class="facts">${facts(view)}</p>
${stateAlert(view)}
${waiting(view)}
${identityAlert(view)}
${asideAlert(view)}
${missingLines([view.mrSeries, view.ctSeries]).map((line) => html`<p class="alert" role="alert"><strong>Images may be missing.</strong> ${line}</p>`)}
${doubts(view)}
${headline(view)}
${pictures(view, viewer ?? 'no images are at hand', place?.list, discs)}
${overTime && overTimeSection(overTime)}
${actionSection(view, looker)}
<section aria-labelledby="report"><h2 id="report">Report</h2>${reportSection(view, texts, again)}</section>
${readersSection(view)}
${writtenSection(view)}
<section aria-labelledby="model"><h2 id="model">Model</h2>${modelSection(view)}</section>
${unreadSection(view)}
<section aria-labelledby="audit"><h2 id="audit">Audit trail</h2>${auditTable(view.audit)}${view.purged.trail && html`<p class="quiet">${purgedTrailWords(view.purged.trail)}.</p>`}</section>`;
}

/** MR and CT beside each other where there are both: one cross goes over the two. */
function pictures(view: CaseView, viewer: Viewer | string, list: string | undefined, discs: Html): Html {
  const mr = html`<section aria-labelledby="slice"><h2 id="slice">Mid-sagittal MR</h2>${viewerSection(view, viewer, list)}</section>`;
  const ct = html`<section aria-labelledby="ct"><h2 id="ct">CT reference</h2>${ctSection(view)}</section>`;
  const pairing = html`<section aria-labelledby="pairing"><h2 id="pairing">Pairing</h2>${pairingSection(view)}</section>`;
  if (!view.ct?.slicePng)
    return html`<div class="split"><div>${mr}${choiceSection(view)}${pairing}</div>${discs}</div>${ct}`;
  return html`<div class="split beside">${mr}${ct}</div>${discs}<div class="split"><div>${choiceSection(view)}</div><div>${pairing}</div></div>`;
}

/** What a case's page is made of, beside the case. */
export interface CaseParts {
  readonly texts: readonly CaseReport[];
  /** Share of discs that are calcified at this site. */
  readonly prevalence: number;
  /** Null: of a list that whoever looks may not see. */
  readonly place?: CasePlace | null;
  readonly viewer?: Viewer | string;
  readonly overTime?: OverTime;
  /** Absent: nobody who may do anything. */
  readonly looker?: Looker;
  /** The form that sends again what was refused; absent for who may not, and where nothing was. */
  readonly again?: Html | false;
  readonly done?: Parameters<typeof doneLine>[0];
}

const NOBODY: Looker = { role: 'viewer', name: '', csrf: null };

/** One report of a case, as a tree to read. */
export interface CaseReport {
  readonly revision: number;
  readonly text: string;
}

/** The list the case was opened from, and its neighbours there. */
export interface CasePlace extends Neighbours {
  readonly list: string | undefined;
}

const NO_PLACE: CasePlace = { list: undefined, previous: null, next: null };

function placeLinks({ list, previous, next }: CasePlace): Html {
  const to = (id: string) => `/cases/${id}${list ? `?list=${encodeURIComponent(list)}` : ''}`;
  return html`<nav class="pages" aria-label="Cases"><a href="/${list && `?${list}`}">← Worklist</a>
${previous && html`<a rel="prev" href="${to(previous)}">Previous case</a>`} ${next && html`<a rel="next" href="${to(next)}">Next case</a>`}</nav>`;
}

/** Why it stands still, and what a person does about it. */
function stateAlert({ case: row }: CaseView): Html | false {
  if (row.state === 'parked')
    return html`<p class="alert" role="alert"><strong>Parked.</strong> ${row.lastErrorCode}: ${row.lastError}
<br>Mend that, then: <code>${retryCommand(row.id)}</code></p>`;
  if (row.lastErrorCode)
    return html`<p class="alert"><strong>Tried ${row.attempts} times.</strong> ${row.lastErrorCode}: ${row.lastError}</p>`;
  return false;
}

/** The answer in one line, before everything it rests on. */
function headline(view: CaseView): Html | false {
  const { regions, inferences } = view;
  const decided = inferences.filter(({ role }) => role === 'active');
  if (decided.length === 0) return false;
  const byLevel = LEVELS.flatMap((level) => decided.filter((each) => each.level === level));
  const at = (wanted: Answer) => byLevel.filter(({ answer }) => answer === wanted).map(({ level }) => level);
  const flagged = at('calcified');
  const compared = byLevel.map(({ level, calcified }) => ({
    level,
    agrees: agreement(calcified, measurementBeside(view, level)),
  }));
  const differing = compared.filter(({ agrees }) => agrees === false).map(({ level }) => level);
  const agreeing = compared.filter(({ agrees }) => agrees === true).length;
  return html`<p class="headline"><strong class="${flagged.length > 0 ? 'yes' : 'no'}">${
    flagged.length > 0
      ? `● Calcified by ${modelOf(decided[0]!)}: ${flagged.join(', ')}`
      : byLevel.some(({ answer }) => isStated(answer))
        ? `○ No disc calcified by ${modelOf(decided[0]!)}`
        : `– Nothing stated by ${modelOf(decided[0]!)}`
  }</strong> of ${regions.length} discs read.${unstatedLine('indeterminate', at('indeterminate'))}${unstatedLine('not-assessable', at('not-assessable'))}${
    differing.length > 0 &&
    html` <span class="differs">≠ The CT says otherwise at ${differing.join(', ')}.</span>`
  }${
    differing.length === 0 && agreeing > 0 && html` <span>The CT agrees on ${agreeing} of them.</span>`
  }</p>`;
}

function modelOf({ modelName, modelVersion }: CaseView['inferences'][number]): string {
  return `the model ${modelName} ${modelVersion}`;
}

/** Said beside the flags, so that "none calcified" is not read as "all are free". */
function unstatedLine(answer: Answer, levels: readonly Level[]): Html | false {
  return (
    levels.length > 0 &&
    html` <span>${ANSWER_SIGNS[answer]} ${ANSWER_WORDS[answer]}: ${levels.join(', ')}.</span>`
  );
}

function facts({ case: row, study, mrSeries }: CaseView): Html {
  const born = study.patientBirthDate ? `born ${study.patientBirthDate}, ` : '';
  return html`<span class="state ${row.state}">${STATE_WORDS[row.state]}</span>
<span>${born}${study.patientSex}</span><span>MR ${mrSeries.acquisitionDate ?? 'without a date'}</span>
<span>${mrSeries.seriesDescription}</span><span>accession ${study.accessionNumber || '–'}</span>
<span>revision ${row.revision}: ${row.revisionReason}</span><span class="id">case ${row.id}</span>`;
}

/** What nothing can be seen of yet, and why; the report of before stands until then. */
function waiting({ case: row, reports }: CaseView): Html | false {
  if (row.closedBecause !== null)
    return html`<p class="alert" role="alert"><strong>Closed.</strong> ${row.closedBecause}</p>`;
  if (row.waitingFor === null) return false;
  return html`<p class="alert" role="status"><strong>Waits:</strong> ${row.waitingFor}.${reports[0] && html` The report of revision ${reports[0].revision} stands until then.`}</p>`;
}

function identityAlert({ identities }: CaseView): Html | false {
  const lines = identityLines(identities, { withNames: true });
  if (lines.length === 0) return false;
  return html`<div class="alert" role="alert"><strong>The images of this study name different patients.</strong>
<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

/** Other objects under UIDs of this study's images: they are in nobody's picture, so they are said here. */
function asideAlert({ aside }: CaseView): Html | false {
  const lines = asideLines(aside);
  if (lines.length === 0) return false;
  return html`<div class="alert" role="alert"><strong>Other objects came under known UIDs.</strong>
<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

function doubts({ mr, case: { id } }: CaseView): Html | false {
  if (!mr) return false;
  const reasons = mr.reasons.join('; ');
  if (mr.status === 'located')
    return reasons !== '' && html`<p class="known">To be known of the MR: ${reasons}.</p>`;
  if (mr.status === 'not-found')
    return html`<p class="alert" role="alert"><strong>No disc was found.</strong> ${reasons}</p>`;
  return html`<p class="alert" role="alert"><strong>The levels are uncertain: a person has to check them.</strong> ${reasons}.
Who knows them says so: <code>${namingCommand(id)}</code></p>`;
}

function ctSection(view: CaseView): Html {
  const { ct, measurements } = view;
  if (!ct) return html`<p class="empty">No CT was measured for this revision.</p>`;
  return html`${ct.status !== 'located' && html`<p class="alert">On the CT the levels are ${ct.status}: ${ct.reasons.join('; ')}. Its values are not held against the model.</p>`}
${slicePicture(view, 'CT')}<p class="quiet">${crossWords(view)}</p><table><thead><tr><th scope="col">Disc</th><th scope="col">Label</th><th scope="col">Mean</th><th scope="col">Max</th><th scope="col">Area</th></tr></thead>
<tbody>${measurements.map(
    (
      each,
    ) => html`<tr><th scope="row">${each.level}</th><td class="ct ${each.label}">${CT_LABELS[each.label].words}</td><td>${hounsfield(each.meanHu)}</td>
<td>${hounsfield(each.maxHu)}</td><td>${each.areaMm2.toFixed(0)} mm²</td></tr>`,
  )}</tbody></table>
${measurements[0] && html`<p class="quiet">Calcified: a region of ${measurements[0].huLow} to ${measurements[0].huHigh} HU inside the disc. The model never sees the CT.</p>`}`;
}

function pairingSection({ pairing, ctSeries, priorFetches, identities }: CaseView): Html {
  if (!pairing)
    return html`<p class="empty">Not paired yet.</p>${priorFetches.length > 0 && html`<dl>${priorRows(priorFetches)}</dl>`}`;
  const words = PAIRING_WORDS[pairing.outcome] ?? pairing.outcome;
  const remarks = [...candidateLines(pairing.candidates), ...spellingLines(identities)];
  return html`<dl><dt>Outcome</dt><dd>${words}</dd>
<dt>MR</dt><dd>${pairing.mrAcquisitionDate ?? '–'}</dd>
<dt>CT</dt><dd>${pairing.ctAcquisitionDate ?? '–'}${ctSeries && html` <small>${ctSeries.seriesDescription}</small>`}</dd>
<dt>Interval</dt><dd>${pairing.intervalDays === null ? '–' : interval(pairing.intervalDays)}</dd>
${pairing.candidates.map(weighedRow)}${remarks.map((each) => html`<dt>Identity</dt><dd>${each}</dd>`)}${priorRows(priorFetches)}</dl>`;
}

/** What readers answered with the tools they have, beside ours: their word, and what may be leant on. */
function readersSection(view: CaseView): Html | false {
  const documents = readerDocuments(view);
  if (documents.length === 0) return false;
  return html`<section aria-labelledby="readers"><h2 id="readers">What readers say</h2>
<p class="quiet">Said on this page, or in corrections of our report that came back as Structured Reports. One reader's word is no truth: nothing is trained on it, and Quality counts by it only where readers are chosen as the truth.</p>
${documents.map(({ head, lines }) => html`<h3>${head}</h3><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`)}</section>`;
}

function unreadSection({ unread }: CaseView): Html | false {
  const lines = unreadLines(unread);
  if (lines.length === 0) return false;
  return html`<section aria-labelledby="unread"><h2 id="unread">Kept unread</h2><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></section>`;
}

function weighedRow(ct: WeighedCt): Html {
  const isChosen = ct.verdict === 'chosen';
  return html`<dt>${isChosen ? 'CT measured' : 'CT not measured'}</dt><dd>${isChosen ? nameOfCt(ct) : passedOverInWords(ct)}${ct.what && html` <small>${ct.what}</small>`}</dd>`;
}

function priorRows(fetches: CaseView['priorFetches']): readonly Html[] {
  return fetches.map((fetch) => html`<dt>Prior fetch</dt><dd>${priorText(fetch)}</dd>`);
}

function reportSection(view: CaseView, texts: readonly CaseReport[], again: Html | false = false): Html {
  const { case: row, reports, deliveries, routes } = view;
  const gone = view.purged.reports;
  const isGone = ({ revision }: (typeof reports)[number]) => gone !== null && revision <= gone.revision;
  if (reports.length === 0) return html`<p class="empty">No report yet.</p>${again}${joinedReports(view)}`;
  return html`<table><thead><tr><th scope="col">Revision</th><th scope="col">SOP Instance UID</th><th scope="col">Amends</th><th scope="col">Destination</th><th scope="col">File</th></tr></thead>
<tbody>${reports.map((report) => {
    const own = deliveries.filter(({ reportId }) => reportId === report.id);
    return html`<tr><td>${report.revision}</td><td class="id">${report.sopInstanceUid}</td><td class="id">${report.predecessorSopInstanceUid ?? '–'}</td>
<td>${[routeText(routes.find(({ reportId }) => reportId === report.id))].filter(Boolean).map((text) => html`<div>${text}</div>`)}${own.length === 0 ? '–' : own.map(deliveryLine)}</td>
<td>${isGone(report) ? 'deleted by policy' : html`<a href="/api/cases/${row.id}/report.dcm?revision=${report.revision}" download>DICOM</a> <a href="/api/cases/${row.id}/report.txt?revision=${report.revision}">text</a>`}</td></tr>`;
  })}</tbody></table>
${noticeLines(view)}${again}<p>${gone ? html`${purgedWords('reports', gone)}. What they said stays.` : html`<a href="/api/cases/${row.id}/report.dcm" download>Download the Structured Report (DICOM)</a>`}</p>
${texts.map(
  ({ revision, text }, i) =>
    html`<details><summary>${i === 0 ? 'The report as a tree' : `The report of revision ${revision}`}</summary><pre tabindex="0">${text}</pre></details>`,
)}${joinedReports(view)}`;
}

function noticeLines({ notices }: CaseView): readonly Html[] {
  return notices.map(
    ({ kind, destination, state, lastError }) =>
      html`<p>Told ${destination} (${kind}): ${state}${lastError && `: ${lastError}`}</p>`,
  );
}

function deliveryLine(delivery: CaseView['deliveries'][number]): Html {
  const { destination, state, storedAt, attempts, lastStatus, lastError, forms } = delivery;
  const promise = commitmentText(delivery);
  if (state === 'stored')
    return html`<div>${destination}: stored ${storedAt && moment(storedAt)} (${forms.join(', ')}; status ${lastStatus ?? '–'})${lastError && `; without what it refused: ${lastError}`}${promise && `; ${promise}`}</div>`;
  const words =
    state === 'parked' ? 'refused, parked' : `waiting, ${attempts} attempt${attempts === 1 ? '' : 's'}`;
  const has = forms.length > 0 ? `; it has ${forms.join(', ')}` : '';
  return html`<div>${destination}: ${words}${lastError && `: ${lastError}`}${has}</div>`;
}
