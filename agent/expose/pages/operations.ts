import type { LoggedTrouble } from '../../../config/recentLog.js';
import type { AuditSyslogRow } from '../../../db/tables/auditSyslog.js';
import type { BackfillRow } from '../../../db/tables/backfills.js';
import type { RefusalRow } from '../../../db/tables/refusals.js';
import type { ListedStore } from '../../../db/tables/stores.js';
import type { Alive, DestinationState, SourceState, StateQueue } from '../../../db/views/operations.js';
import { CASE_STATES } from '../../domain/caseStates.js';
import { CONDITIONS, type Condition } from '../conditions.js';
import { type Html, type HtmlValue, html } from '../html.js';
import { age, moment, STATE_WORDS } from '../words.js';

export interface Operations {
  readonly conditions: readonly Condition[];
  readonly alive: Alive;
  readonly stores: readonly ListedStore[];
  /** Jobs waiting, delayed or running; null where the queue does not answer. */
  readonly jobs: Readonly<Record<string, number>> | null;
  readonly queues: readonly StateQueue[];
  /** Parked cases by the code of what parked them. */
  readonly parked: ReadonlyMap<string, number>;
  readonly destinations: readonly DestinationState[];
  readonly sources: readonly SourceState[];
  readonly refusals: readonly RefusalRow[];
  readonly backfills: readonly BackfillRow[];
  /** Of the data folder's disk, bytes. */
  readonly disk: { readonly free: number; readonly whole: number } | null;
  /** How far the trail went by syslog; null where it never did. */
  readonly syslog: AuditSyslogRow | null;
  /** Of the quality watch, not acknowledged. */
  readonly alarms: number;
  /** What this process has logged at level warn or above, newest first. */
  readonly troubles: readonly LoggedTrouble[];
}

/** Is it alive, and what stands still: every number opens the list of its cases. */
export function operationsPage(seen: Operations): Html {
  const { alive, alarms, disk, stores, jobs } = seen;
  const broken = seen.conditions.filter(({ ok }) => !ok);
  const open = stores.filter(({ isOpen }) => isOpen).length;
  return html`<h1>Operations</h1>
<p class="headline"><strong class="${broken.length === 0 ? 'no' : 'yes'}">${broken.length === 0 ? '✓ Nothing that is known keeps a study from becoming a report' : `≠ ${broken.length} of ${seen.conditions.length} conditions do not hold`}</strong></p>
<ul class="conditions">${seen.conditions.map(conditionItem)}</ul>
<div class="tiles">
${tile('Agents there', `${open} of ${stores.length}`)}
${tile('Processes on this database', alive.processes)}
${tile('Jobs of workers', jobs?.worker ?? '–')}
${tile('Last image', ago(alive.lastImageAt))}
${tile('Last answer of a classifier', ago(alive.lastAnswerAt))}
${tile('Free on the disk', disk ? html`${bytes(disk.free)} <small>of ${bytes(disk.whole)}</small>` : '–')}
${tile('Database', bytes(alive.databaseBytes))}
${seen.syslog && seen.syslog.seq > 0 && tile('Trail sent by syslog, up to row', seen.syslog.seq)}
${tile('Alarms of quality', html`<a href="/quality/watch">${alarms}</a>`)}</div>
${syslogLine(seen.syslog)}
${queueSection(seen)}
${destinationSection(seen.destinations)}
${sourceSection(seen.sources)}
${agentSection(stores)}
${backfillSection(seen.backfills)}
${refusalSection(seen.refusals)}
${logSection(seen.troubles)}`;
}

function syslogLine(place: AuditSyslogRow | null): Html | false {
  if (!place?.lastError) return false;
  const since = place.sentAt ? html`${moment(place.sentAt)} UTC, up to row ${place.seq}` : 'never';
  return html`<p class="alert"><strong>The audit trail does not go out by syslog:</strong> ${place.lastError}. Last sent: ${since}; it goes on from there.</p>`;
}

function tile(words: string, value: HtmlValue): Html {
  return html`<div><small>${words}</small> <strong>${value}</strong></div>`;
}

function conditionItem({ what, ok, reason }: Condition): Html {
  return ok
    ? html`<li><span class="agrees">✓</span> ${what}</li>`
    : html`<li><span class="differs">≠ ${CONDITIONS[what]}</span>: ${reason}</li>`;
}

function queueSection({ queues, parked }: Operations): Html {
  const rows = Object.entries(CASE_STATES).flatMap(([state, { work, by }]) => {
    const found = queues.find((each) => each.state === state);
    if (!found) return [];
    const next = work ? `to ${work}, by ${by === 'worker' ? 'a worker' : 'an agent'}` : 'a person';
    return [
      html`<tr><th scope="row">${STATE_WORDS[found.state]}</th><td class="number"><a href="/?state=${state}">${found.cases}</a></td><td>${next}</td><td><a href="/cases/${found.oldestId}">${age(found.oldestSince)}</a></td></tr>`,
    ];
  });
  return html`<section aria-labelledby="queues"><h2 id="queues">On their way</h2>
${
  rows.length === 0
    ? html`<p class="empty">Nothing waits, and nothing stands still.</p>`
    : html`<table><thead><tr><th scope="col">State</th><th scope="col">Cases</th><th scope="col">Next</th><th scope="col">Oldest, in this state for</th></tr></thead><tbody>${rows}</tbody></table>`
}
${parked.size > 0 && html`<h3>Parked, by cause</h3><ul>${[...parked].map(([code, cases]) => html`<li><a href="/?state=parked&code=${encodeURIComponent(code)}">${cases}</a> <code>${code}</code></li>`)}</ul>`}</section>`;
}

function destinationSection(destinations: readonly DestinationState[]): Html {
  const list = (name: string, delivery: string, count: number) =>
    count === 0
      ? html`0`
      : html`<a href="/?destination=${encodeURIComponent(name)}&delivery=${delivery}">${count}</a>`;
  return html`<section aria-labelledby="destinations"><h2 id="destinations">Destinations</h2>
${
  destinations.length === 0
    ? html`<p class="empty">No result has been meant for a destination yet.</p>`
    : html`<table><thead><tr><th scope="col">Destination</th><th scope="col">Last success</th><th scope="col">Waiting</th><th scope="col">Parked</th><th scope="col">Last error of those</th></tr></thead>
<tbody>${destinations.map(
        ({ destination, lastStoredAt, pending, parked, lastError }) =>
          html`<tr><th scope="row">${destination}</th><td>${when(lastStoredAt)}</td><td class="number">${list(destination, 'pending', pending)}</td><td class="number">${list(destination, 'parked', parked)}</td><td>${lastError ?? '–'}</td></tr>`,
      )}</tbody></table>`
}</section>`;
}

function sourceSection(sources: readonly SourceState[]): Html | false {
  if (sources.length === 0) return false;
  return html`<section aria-labelledby="sources"><h2 id="sources">Sources</h2>
<table><thead><tr><th scope="col">Source</th><th scope="col">Last success</th><th scope="col">Asked now</th><th scope="col">Failed in a week</th><th scope="col">Last error</th></tr></thead>
<tbody>${sources.map(
    ({ source, lastDoneAt, open, failed, lastError }) =>
      html`<tr><th scope="row">${source}</th><td>${when(lastDoneAt)}</td><td class="number">${open}</td><td class="number">${failed}</td><td>${lastError ?? '–'}</td></tr>`,
  )}</tbody></table></section>`;
}

function agentSection(stores: readonly ListedStore[]): Html | false {
  if (stores.length === 0) return false;
  return html`<section aria-labelledby="agents"><h2 id="agents">Agents</h2>
<table><thead><tr><th scope="col">Agent</th><th scope="col">There</th><th scope="col">Last seen</th><th scope="col">Gives others its images</th></tr></thead>
<tbody>${stores.map(({ name, isOpen, seenAt, address }) => html`<tr><th scope="row">${name}</th><td>${isOpen ? html`<span class="agrees">✓ there</span>` : html`<span class="differs">≠ away</span>`}</td><td>${moment(seenAt)} UTC</td><td>${address ?? 'no'}</td></tr>`)}</tbody></table></section>`;
}

function backfillSection(backfills: readonly BackfillRow[]): Html | false {
  if (backfills.length === 0) return false;
  return html`<section aria-labelledby="backfills"><h2 id="backfills">Backfills</h2><ul>${backfills.map(
    ({ id, source, dateFrom, dateTo, state, waitingFor }) =>
      html`<li><code>${id.slice(0, 8)}</code> ${source}, ${dateFrom} to ${dateTo}: ${state}${waitingFor && `, waits: ${waitingFor}`}</li>`,
  )}</ul></section>`;
}

const MOST_REFUSALS = 20;

function refusalSection(refusals: readonly RefusalRow[]): Html {
  return html`<section aria-labelledby="refusals"><h2 id="refusals">Refused in a week</h2>
${
  refusals.length === 0
    ? html`<p class="empty">Nothing was refused.</p>`
    : html`<table><thead><tr><th scope="col">Sender</th><th scope="col">What</th><th scope="col">In all</th><th scope="col">Last</th><th scope="col">Why</th></tr></thead>
<tbody>${refusals.slice(0, MOST_REFUSALS).map(({ callingAe, what, count, lastAt, reason }) => html`<tr><th scope="row"><a href="/find?q=${encodeURIComponent(callingAe)}">${callingAe || 'no title'}</a></th><td>${what}</td><td class="number">${Number(count)}</td><td>${moment(lastAt)} UTC</td><td>${reason}</td></tr>`)}</tbody></table>`
}
${refusals.length > MOST_REFUSALS && html`<p class="quiet">${refusals.length - MOST_REFUSALS} more kinds: <code>calcidisc find</code> knows them all.</p>`}</section>`;
}

const MOST_TROUBLES = 30;

/** What else stands in the log is for who has a shell: what went wrong is for everybody who keeps it running. */
function logSection(troubles: readonly LoggedTrouble[]): Html {
  return html`<section aria-labelledby="log"><h2 id="log">Warnings and errors in the log</h2>
<p class="quiet">Of the process that serves this page, since it began; each kind once, the newest first. Other agents and workers have pages and logs of their own.</p>
${
  troubles.length === 0
    ? html`<p class="empty">It has logged none.</p>`
    : html`<table class="troubles"><thead><tr><th scope="col">Last</th><th scope="col">Level</th><th scope="col">Part</th><th scope="col">What</th><th scope="col">About</th><th scope="col">Times</th></tr></thead>
<tbody>${troubles.slice(0, MOST_TROUBLES).map(({ at, level, part, message, facts, count }) => html`<tr><td>${moment(at)} UTC</td><td>${level}</td><td>${part}</td><td>${message}</td><td><small>${facts || '–'}</small></td><td class="number">${count}</td></tr>`)}</tbody></table>`
}
${troubles.length > MOST_TROUBLES && html`<p class="quiet">${troubles.length - MOST_TROUBLES} older kinds stand in the log.</p>`}</section>`;
}

function when(at: Date | null): HtmlValue {
  return at ? html`${moment(at)} UTC` : 'never';
}

function ago(at: Date | null): HtmlValue {
  return at ? html`${age(at)} ago` : 'never';
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** In powers of 1000. */
function bytes(count: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  const value = count / 1000 ** step;
  return `${value.toFixed(value < 10 && step > 0 ? 1 : 0)} ${UNITS[step]}`;
}
