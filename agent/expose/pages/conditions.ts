import type { AwayStore } from '../../../db/views/awayStores.js';
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
        html`<p class="alert condition" role="alert"><strong>${CONDITIONS[what]}:</strong> ${reason}</p>`,
    );
}

/** Agents that are away with images that are waited for: this one goes on, and is ready. */
export function awayAlerts(stores: readonly AwayStore[]): Html[] {
  return stores.map(
    ({ name, series, seenAt }) =>
      html`<p class="alert condition" role="alert">
        <strong>The agent ${name} is away</strong> since about ${seenAt.toISOString().slice(0, 16)} UTC, and
        ${series} series that are waited for lie with it: start it, or have the PACS send them again.
      </p>`,
  );
}
