import type { CaseView } from '../../../db/views/caseView.js';
import { ANSWER_WORDS, type Answer, isStated } from '../../domain/answers.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { agreement, measurementBeside } from '../comparison.js';
import { type Html, html } from '../html.js';
import {
  ANSWER_SIGNS,
  CT_WORDS,
  commitmentText,
  hounsfield,
  identityLines,
  interval,
  moment,
  PAIRING_WORDS,
  personName,
  priorText,
  STATE_WORDS,
} from '../words.js';
import { auditTable } from './audit.js';
import { discCard } from './disc.js';
import { modelSection } from './model.js';
import { slicePicture } from './slice.js';

/** One case: what the model saw and said, what the CT says, what became of the report, and who did what when. */
export function casePage(view: CaseView, reportText: string | null): Html {
  const { case: row, study } = view;
  return html`<p><a href="/">← Worklist</a></p>
<h1>${personName(study.patientName) || 'no name'} <small>${study.patientId}</small></h1>
<p class="facts">${facts(view)}</p>
${row.state === 'parked' && html`<p class="alert" role="alert"><strong>Parked.</strong> ${row.lastErrorCode}: ${row.lastError}</p>`}
${identityAlert(view)}
${doubts(view)}
${headline(view)}
<div class="split">
<div><section aria-labelledby="slice"><h2 id="slice">Mid-sagittal MR</h2>${slicePicture(view, 'MR')}</section>
<section aria-labelledby="pairing"><h2 id="pairing">Pairing</h2>${pairingSection(view)}</section></div>
<section aria-labelledby="discs"><h2 id="discs">Discs</h2>
${view.regions.length === 0 && html`<p class="empty">No disc has been located${row.state === 'received' || row.state === 'paired' ? ' yet' : ''}.</p>`}
<ol class="discs">${LEVELS.map((level) => discCard(view, level))}</ol></section>
</div>
<section aria-labelledby="ct"><h2 id="ct">CT reference</h2>${ctSection(view)}</section>
<section aria-labelledby="report"><h2 id="report">Report</h2>${reportSection(view, reportText)}</section>
<section aria-labelledby="model"><h2 id="model">Model</h2>${modelSection(view)}</section>
<section aria-labelledby="audit"><h2 id="audit">Audit trail</h2>${auditTable(view.audit)}</section>`;
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
      ? `● Calcified by the model: ${flagged.join(', ')}`
      : byLevel.some(({ answer }) => isStated(answer))
        ? '○ No disc calcified by the model'
        : '– Nothing stated by the model'
  }</strong> of ${regions.length} discs.${unstatedLine('indeterminate', at('indeterminate'))}${unstatedLine('not-assessable', at('not-assessable'))}${
    differing.length > 0 &&
    html` <span class="differs">≠ The CT says otherwise at ${differing.join(', ')}.</span>`
  }${
    differing.length === 0 && agreeing > 0 && html` <span>The CT agrees on ${agreeing} of them.</span>`
  }</p>`;
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

function identityAlert({ identities }: CaseView): Html | false {
  const lines = identityLines(identities, { withNames: true });
  if (lines.length === 0) return false;
  return html`<div class="alert" role="alert"><strong>The images of this study name different patients.</strong>
<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

function doubts({ mr }: CaseView): Html | false {
  if (!mr || mr.status === 'located') return false;
  const words =
    mr.status === 'uncertain'
      ? 'The levels are uncertain: a person has to check them.'
      : 'No disc was found.';
  return html`<p class="alert" role="alert"><strong>${words}</strong> ${mr.reasons.join('; ')}</p>`;
}

function ctSection(view: CaseView): Html {
  const { ct, measurements } = view;
  if (!ct) return html`<p class="empty">No CT was measured for this revision.</p>`;
  return html`${ct.status !== 'located' && html`<p class="alert">On the CT the levels are ${ct.status}: ${ct.reasons.join('; ')}. Its values are not held against the model.</p>`}
<div class="split"><div>${slicePicture(view, 'CT')}</div><div><table><thead><tr><th scope="col">Disc</th><th scope="col">Label</th><th scope="col">Mean</th><th scope="col">Max</th><th scope="col">Area</th></tr></thead>
<tbody>${measurements.map(
    (
      each,
    ) => html`<tr><th scope="row">${each.level}</th><td class="ct ${each.label}">${CT_WORDS[each.label]}</td><td>${hounsfield(each.meanHu)}</td>
<td>${hounsfield(each.maxHu)}</td><td>${each.areaMm2.toFixed(0)} mm²</td></tr>`,
  )}</tbody></table>
${measurements[0] && html`<p class="quiet">Calcified: a region of ${measurements[0].huLow} to ${measurements[0].huHigh} HU inside the disc. The model never sees the CT.</p>`}</div></div>`;
}

function pairingSection({ pairing, ctSeries, priorFetches }: CaseView): Html {
  if (!pairing)
    return html`<p class="empty">Not paired yet.</p>${priorFetches.length > 0 && html`<dl>${priorRows(priorFetches)}</dl>`}`;
  const words = PAIRING_WORDS[pairing.outcome] ?? pairing.outcome;
  return html`<dl><dt>Outcome</dt><dd>${words}</dd>
<dt>MR</dt><dd>${pairing.mrAcquisitionDate ?? '–'}</dd>
<dt>CT</dt><dd>${pairing.ctAcquisitionDate ?? '–'}${ctSeries && html` <small>${ctSeries.seriesDescription}</small>`}</dd>
<dt>Interval</dt><dd>${pairing.intervalDays === null ? '–' : interval(pairing.intervalDays)}</dd>
<dt>CT series weighed</dt><dd>${pairing.candidates.length}</dd>${priorRows(priorFetches)}</dl>`;
}

function priorRows(fetches: CaseView['priorFetches']): readonly Html[] {
  return fetches.map((fetch) => html`<dt>Prior fetch</dt><dd>${priorText(fetch)}</dd>`);
}

function reportSection({ case: row, reports, deliveries }: CaseView, reportText: string | null): Html {
  if (reports.length === 0) return html`<p class="empty">No report yet.</p>`;
  return html`<table><thead><tr><th scope="col">Revision</th><th scope="col">SOP Instance UID</th><th scope="col">Amends</th><th scope="col">Destination</th></tr></thead>
<tbody>${reports.map((report) => {
    const own = deliveries.filter(({ reportId }) => reportId === report.id);
    return html`<tr><td>${report.revision}</td><td class="id">${report.sopInstanceUid}</td><td class="id">${report.predecessorSopInstanceUid ?? '–'}</td>
<td>${own.length === 0 ? 'none configured' : own.map(deliveryLine)}</td></tr>`;
  })}</tbody></table>
<p><a href="/api/cases/${row.id}/report.dcm" download>Download the Structured Report (DICOM)</a></p>
${reportText !== null && html`<details><summary>The report as a tree</summary><pre tabindex="0">${reportText}</pre></details>`}`;
}

function deliveryLine(delivery: CaseView['deliveries'][number]): Html {
  const { destination, state, storedAt, attempts, lastStatus, lastError } = delivery;
  const promise = commitmentText(delivery);
  if (state === 'stored')
    return html`<div>${destination}: stored ${storedAt && moment(storedAt)} (status ${lastStatus ?? '–'})${promise && `; ${promise}`}</div>`;
  const words =
    state === 'parked' ? 'refused, parked' : `waiting, ${attempts} attempt${attempts === 1 ? '' : 's'}`;
  return html`<div>${destination}: ${words}${lastError && `: ${lastError}`}</div>`;
}
