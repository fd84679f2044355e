import type { ModelRow } from '../../../db/tables/models.js';
import { type Html, html } from '../html.js';

type Change = 'activate' | 'shadow' | 'retire';

/** Which changes a state lets a person make. */
const CHANGES: Readonly<Record<ModelRow['state'], readonly Change[]>> = {
  active: [],
  shadow: ['activate', 'retire'],
  retired: ['activate', 'shadow'],
  registered: ['activate', 'shadow'],
};

const WORDS = {
  activate: ['Promote', 'It decides from the next case on; the one before it retires.'],
  shadow: ['Run as shadow', 'Its answers are only recorded.'],
  retire: ['Retire', 'It answers no more cases.'],
} as const satisfies Record<Change, readonly [string, string]>;

/** What a person may change of a model. */
export function modelForms(row: ModelRow, threshold: number | null, csrf: string): Html {
  if (row.kind !== 'classifier') return html``;
  const action = `/models/${encodeURIComponent(row.name)}/${encodeURIComponent(row.version)}`;
  const hidden = (change: string) =>
    html`<input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="change" value="${change}">`;
  return html`<section aria-labelledby="change"><h2 id="change">Change</h2>
${CHANGES[row.state].map(
  (change) => html`<form class="filters" method="post" action="${action}">${hidden(change)}
${reasonField(WORDS[change][0])}<button>${WORDS[change][0]}</button> <span class="quiet">${WORDS[change][1]}</span></form>`,
)}
${row.state === 'active' && html`<p class="quiet">It decides. To take it out, promote another one, or roll back on the list of models.</p>`}
<form class="filters" method="post" action="${action}">${hidden('threshold')}
<label>Calcified from <input name="threshold" type="number" step="any" min="0" max="1" required value="${threshold?.toString() ?? ''}"></label>
<label>Nothing stated from <input name="indeterminateFrom" type="number" step="any" min="0" max="1" placeholder="as on the card"></label>
${reasonField('Threshold')}<button>Set this site's threshold</button></form>
${row.localBounds && html`<form class="filters" method="post" action="${action}">${hidden('card')}${reasonField('Back to the card')}<button>Back to the card's</button></form>`}
<p class="quiet">What this site's studies say of a threshold: <code>calcidisc model site ${row.name}@${row.version}</code>.</p></section>`;
}

export function rollbackForm(before: string | null, csrf: string): Html {
  if (before === null)
    return html`<p class="quiet">Nothing to roll back to: no other classifier decided before this one.</p>`;
  return html`<form class="filters" method="post" action="/models/rollback"><input type="hidden" name="_csrf" value="${csrf}">
${reasonField('Roll back')}<button>Roll back to ${before}</button> <span class="quiet">It decides again from the next case on.</span></form>`;
}

function reasonField(what: string): Html {
  return html`<label>Reason <input name="reason" required maxlength="300" aria-label="Reason: ${what}"></label>`;
}
