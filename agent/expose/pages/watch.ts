import { FIGURES, RULES } from '../../quality/figures.js';
import { ALL, type Watch, type WatchedAlarm } from '../../quality/watch.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';
import { controlChart } from './charts.js';
import { qualityTabs } from './quality.js';

export interface WatchPage {
  readonly watch: Watch;
  /** A scanner, or 'all'. */
  readonly scope: string;
  /** For forms; null where whoever looks may not acknowledge. */
  readonly csrf: string | null;
  readonly mayAcknowledge: boolean;
}

/** Whether results or images have drifted, without a CT. */
export function watchPage({ watch, scope, csrf, mayAcknowledge }: WatchPage): Html {
  const scopes = [...new Set(watch.charts.map((chart) => chart.scope))];
  const shown = watch.charts.filter((chart) => chart.scope === scope);
  const base = shown[0]?.base;
  return html`<h1>Quality <small>watched without a CT</small></h1>
${qualityTabs('watch', openAlarms(watch))}
<section aria-labelledby="alarms"><h2 id="alarms">Alarms</h2>
${watch.alarms.length === 0 ? html`<p class="empty">No alarm in ${watch.charts.length} charts.</p>` : alarmTable(watch.alarms, mayAcknowledge, csrf)}
${watch.unwatched.length > 0 && html`<details><summary>${watch.unwatched.length} figures are not watched</summary><p>Fewer than 30 studies on 20 days in their first two months: ${watch.unwatched.join('; ')}.</p></details>`}</section>
<section aria-labelledby="charts"><h2 id="charts">Charts</h2>
<nav class="chips" aria-label="Scanner">${scopes.map((each) => html`<a href="/quality/watch?scope=${encodeURIComponent(each)}"${each === scope && html` aria-current="page"`}>${each === ALL ? 'All together' : each}</a>`)}</nav>
${base ? html`<p class="quiet">Base: ${base.from} to ${base.to}, ${base.studies} studies.</p><div class="charts">${shown.map(controlChart)}</div>` : html`<p class="empty">Not enough studies yet: the first two months are the base.</p>`}</section>
<p class="legend">A dot is a day with studies; the band is where 95 of 100 days lie while nothing has changed. Alarm: ${RULES['seven-days']} on one side;
${RULES.average} (the average of the days, the newest counting most); a scanner or protocol ${RULES['never-seen']}. The charts of all together
also move when the share of a scanner does. Grey, noise and sharpness are kept of series that were read since this version; those of before have none. <a href="/api/v1/quality/alarms">JSON</a></p>`;
}

export function openAlarms({ alarms }: Watch): number {
  return alarms.filter(({ acknowledged }) => acknowledged === null).length;
}

function alarmTable(alarms: readonly WatchedAlarm[], mayAcknowledge: boolean, csrf: string | null): Html {
  return html`<table class="alarms people"><thead><tr><th scope="col">Day</th><th scope="col">Where</th><th scope="col">What</th><th scope="col">Rule</th><th scope="col">Acknowledged</th></tr></thead>
<tbody>${alarms.map((alarm) => alarmRow(alarm, mayAcknowledge, csrf))}</tbody></table>`;
}

function alarmRow(alarm: WatchedAlarm, mayAcknowledge: boolean, csrf: string | null): Html {
  const { day, since, scope, figure, what, rule, acknowledged } = alarm;
  const words = figure === 'scanner' ? what : `${FIGURES[figure].words}: ${what}`;
  const cases = new URLSearchParams({ ...(scope !== ALL && { scanner: scope }), from: since, to: day });
  return html`<tr><th scope="row"><a href="/?${cases.toString()}">${day}</a><small>since ${since}</small></th><td>${scope === ALL ? 'all together' : scope}</td><td>${words}</td><td>${RULES[rule]}</td>
<td>${acknowledged ? html`${acknowledged.reason}<small>${acknowledged.acknowledgedBy}, ${moment(acknowledged.acknowledgedAt)}${acknowledged.isNewBase && ', new base'}</small>` : mayAcknowledge ? form(alarm, csrf) : 'no'}</td></tr>`;
}

function form({ id, figure, scope, day }: WatchedAlarm, csrf: string | null): Html {
  const which = `${figure}, ${scope}, ${day}`;
  return html`<form method="post" action="/quality/alarms" class="acknowledge">${csrf && html`<input type="hidden" name="_csrf" value="${csrf}">`}<input type="hidden" name="alarm" value="${id}">
<label>Reason <input name="reason" required maxlength="300" aria-label="Reason: ${which}"></label>
${figure !== 'scanner' && html`<label><input type="checkbox" name="newBase" value="yes" aria-label="New base: ${which}"> new base</label>`}
<button aria-label="Acknowledge: ${which}">Acknowledge</button></form>`;
}
