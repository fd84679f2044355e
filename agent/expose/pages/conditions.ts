import { CONDITIONS, type Condition } from '../conditions.js';
import { type Html, html } from '../html.js';

/** More discs are flagged than this site allows. */
export function flagAlert(alarm: string | null): Html[] {
  return alarm
    ? [html`<p class="alert condition" role="alert"><strong>Too many flags.</strong> ${alarm}.</p>`]
    : [];
}

/** What keeps studies from becoming reports now, on top of every page. */
export function conditionAlerts(conditions: readonly Condition[]): Html[] {
  return conditions
    .filter(({ ok }) => !ok)
    .map(
      ({ what, reason }) =>
        html`<p class="alert condition" role="alert"><strong>${CONDITIONS[what]}.</strong> ${reason}</p>`,
    );
}
