import { CONDITIONS, type Condition } from '../conditions.js';
import { type Html, html } from '../html.js';

/** What keeps studies from becoming reports now, on top of every page. */
export function conditionAlerts(conditions: readonly Condition[]): Html[] {
  return conditions
    .filter(({ ok }) => !ok)
    .map(
      ({ what, reason }) =>
        html`<p class="alert condition" role="alert"><strong>${CONDITIONS[what]}:</strong> ${reason}</p>`,
    );
}
