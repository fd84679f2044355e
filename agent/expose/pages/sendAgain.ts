import type { RefusedForms } from '../../../db/tables/sendAgain.js';
import type { CaseView } from '../../../db/views/caseView.js';
import { type Html, html } from '../html.js';

export interface Again {
  readonly refused: readonly RefusedForms[];
  /** For the form; null where there is no session that it would protect. */
  readonly csrf: string | null;
}

/** What goes out again on a person's word: a parked case, forms that a destination refused; nothing where no form was. */
export function sendAgainForm({ case: row, notices }: CaseView, { refused, csrf }: Again): Html | false {
  const what = [
    ...(row.state === 'parked' ? ['the case goes on from where it was parked'] : []),
    ...refused.map(({ destination, forms }) => `${destination} is sent ${forms.join(', ')} again`),
    ...notices
      .filter(({ state }) => state === 'parked')
      .map(({ destination, kind }) => `${destination} is told again (${kind})`),
  ];
  // What stands still without one has its button among the actions.
  if (refused.length === 0) return false;
  return html`<form method="post" action="/cases/${row.id}/send-again" class="acknowledge" aria-label="Send again">${csrf && html`<input type="hidden" name="_csrf" value="${csrf}">`}
<p>Once the cause is mended: ${what.join('; ')}.</p>
<label>What was mended <input name="reason" required maxlength="300"></label> <button>Send again</button></form>`;
}
