import type { CaseView } from '../../../db/views/caseView.js';
import { may, type TokenRole } from '../../domain/access.js';
import { LEVELS } from '../../domain/levels.js';
import { BECAUSE, CASE_ACTION_NAMES, CASE_ACTIONS, type CaseActionName } from '../../judge/actions.js';
import { SAYINGS } from '../../judge/verdict.js';
import { type Html, html } from '../html.js';

/** Who looks, and the token of their session for forms; null where there is no session that could send one. */
export interface Looker {
  readonly role: TokenRole;
  readonly name: string;
  readonly csrf: string | null;
}

/** What became of the form that led here. */
export function doneLine(done: CaseActionName | 'verdict' | undefined): Html | false {
  if (!done) return false;
  const words =
    done === 'verdict'
      ? 'Your word is kept beside those of other readers. It is no truth by itself: nothing is trained on it, and Quality counts by it only where readers are chosen as the truth.'
      : `Done: ${CASE_ACTIONS[done].words.toLowerCase()}. A running agent takes it up within seconds.`;
  return html`<p class="alert done" role="status">${words}</p>`;
}

/** Buttons for whoever may press them; for the others nothing. */
export function actionSection(view: CaseView, { role, csrf }: Looker): Html | false {
  const offered = CASE_ACTION_NAMES.filter(
    (name) => may(role, CASE_ACTIONS[name].wants) && CASE_ACTIONS[name].isOffered(view),
  );
  if (csrf === null || offered.length === 0) return false;
  return html`<section aria-labelledby="actions" class="orders"><h2 id="actions">Do something about this case</h2>
<p class="quiet">Each asks for a reason, which goes on the audit trail with your name.</p>
${offered.map((name) => orderForm(view, name, csrf))}</section>`;
}

function orderForm(view: CaseView, name: CaseActionName, csrf: string): Html {
  const { words, explained } = CASE_ACTIONS[name];
  return html`<details><summary>${words}</summary><form method="post" action="/cases/${view.case.id}/${name}">
<input type="hidden" name="_csrf" value="${csrf}"><p class="quiet">${explained}.</p>
${name === 'withdraw' && html`<label>What is wrong <select name="because">${BECAUSE.map((each) => html`<option>${each}</option>`)}</select></label>`}
${name === 'levels' && levelFields(view)}
<label>Reason <input name="reason" required maxlength="300" autocomplete="off"></label> <button>${words}</button></form></details>`;
}

function levelFields({ regions }: CaseView): Html {
  const drawn = LEVELS.filter((level) => regions.some((each) => each.level === level));
  return html`<label>The disc drawn as <select name="drawn">${drawn.map((each) => html`<option>${each}</option>`)}</select></label>
<label>is <select name="level">${LEVELS.map((each) => html`<option>${each}</option>`)}</select></label>`;
}

/** Under a disc: what this reader says of it. */
export function verdictForm(view: CaseView, level: (typeof LEVELS)[number], looker: Looker): Html | false {
  const { case: row, reports } = view;
  const isReported = reports.some(({ revision }) => revision === row.revision);
  if (looker.csrf === null || !may(looker.role, 'judge') || !isReported) return false;
  const own = view.readerVerdicts.find(
    ({ via, reader, disc }) => via === 'page' && reader === looker.name && disc === level,
  );
  return html`<details class="say"><summary>${own ? 'Say something else' : `What do you say of ${level}?`}</summary>
<form method="post" action="/cases/${row.id}/verdicts"><input type="hidden" name="_csrf" value="${looker.csrf}">
<input type="hidden" name="revision" value="${row.revision}"><input type="hidden" name="disc" value="${level}">
<label>This disc is <select name="level"><option value="">${level}, as named</option>${LEVELS.filter((each) => each !== level).map((each) => html`<option value="${each}">${each}</option>`)}</select></label>
<label>Remark <input name="words" maxlength="300" autocomplete="off"></label>
<span class="buttons">${Object.entries(SAYINGS).map(([says, words]) => html`<button name="says" value="${says}">${words}</button>`)}</span></form></details>`;
}
