import { ACCOUNT_ROLES } from '../../../config/http.js';
import type { AccountRow } from '../../../db/tables/accounts.js';
import type { ApiTokenRow } from '../../../db/tables/apiTokens.js';
import { ROLES, TOKEN_ROLES, type TokenRole } from '../../domain/access.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

/** What came of a form; `secret` is shown this once. */
export interface Told {
  readonly text: string;
  readonly secret?: string;
  readonly isBad?: boolean;
}

export interface AccountsView {
  readonly accounts: readonly AccountRow[];
  readonly tokens: readonly ApiTokenRow[];
  readonly csrf: string;
  readonly told: Told | null;
}

export function accountsPage({ accounts, tokens, csrf, told }: AccountsView): Html {
  const guard = html`<input type="hidden" name="_csrf" value="${csrf}">`;
  return html`<p><a href="/">← Worklist</a></p><h1>Accounts</h1>
${told && html`<div class="alert" role="status">${told.text}${told.secret && html`<p><code class="secret">${told.secret}</code></p>`}</div>`}
<table class="people"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Last log-in (UTC)</th><th scope="col">Made by</th><th scope="col">Change</th></tr></thead>
<tbody>${accounts.map((account) => accountRow(account, guard))}</tbody></table>
${accounts.length === 0 && html`<p class="empty">Nobody has an account yet.</p>`}
<h2>Add a person</h2><form class="filters" method="post" action="/accounts">${guard}
<label>Name <input name="name" autocomplete="off" autocapitalize="none" spellcheck="false" required></label>
<label>Role ${roleSelect(ACCOUNT_ROLES, 'viewer')}</label><button>Add</button></form>
<p class="quiet">A link appears by which they choose a password themselves. ${ACCOUNT_ROLES.map((role) => html`<strong>${role}</strong> ${ROLES[role].words}. `)}</p>
<h2>Tokens of programs</h2><table class="people"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Good until (UTC)</th><th scope="col">Last used (UTC)</th><th scope="col">Change</th></tr></thead>
<tbody>${tokens.map((token) => tokenRow(token, guard))}</tbody></table>
${tokens.length === 0 && html`<p class="empty">No program has a token.</p>`}
<h2>Add a token</h2><form class="filters" method="post" action="/tokens">${guard}
<label>Name <input name="name" autocomplete="off" autocapitalize="none" spellcheck="false" required></label>
<label>Role ${roleSelect(TOKEN_ROLES, 'viewer')}</label><label>Days <input name="days" type="number" min="1" max="3650" value="365" required></label>
<button>Add</button></form>`;
}

function accountRow(
  { name, role, source, passwordHash, disabledAt, lastLoginAt, createdBy }: AccountRow,
  guard: Html,
): Html {
  const action = `/accounts/${encodeURIComponent(name)}`;
  const state = disabledAt
    ? 'closed'
    : source === 'oidc'
      ? 'single sign-on'
      : passwordHash
        ? ''
        : 'no password yet';
  const button = (change: string, words: string) =>
    html`<form method="post" action="${action}">${guard}<input type="hidden" name="change" value="${change}"><button aria-label="${words}: ${name}">${words}</button></form>`;
  return html`<tr><th scope="row">${name}${state && html`<small>${state}</small>`}</th>
<td>${source === 'oidc' ? role : html`<form method="post" action="${action}">${guard}<input type="hidden" name="change" value="role">${roleSelect(ACCOUNT_ROLES, role, `Role of ${name}`)} <button>Set</button></form>`}</td>
<td>${lastLoginAt ? moment(lastLoginAt) : '–'}</td><td>${createdBy}</td>
<td class="buttons">${disabledAt ? button('open', 'Open again') : html`${source === 'local' && button('link', 'New link')}${button('close', 'Close')}`}</td></tr>`;
}

function tokenRow({ name, role, expiresAt, revokedAt, lastUsedAt }: ApiTokenRow, guard: Html): Html {
  return html`<tr><th scope="row">${name}</th><td>${role}</td><td>${revokedAt ? `revoked ${moment(revokedAt)}` : moment(expiresAt)}</td>
<td>${lastUsedAt ? moment(lastUsedAt) : '–'}</td><td class="buttons">${!revokedAt && html`<form method="post" action="/tokens/${encodeURIComponent(name)}/revoke">${guard}<button aria-label="Revoke ${name}">Revoke</button></form>`}</td></tr>`;
}

function roleSelect(roles: readonly TokenRole[], chosen: TokenRole, label?: string): Html {
  return html`<select name="role"${label && html` aria-label="${label}"`}>${roles.map((role) => html`<option value="${role}"${role === chosen && html` selected`}>${role}</option>`)}</select>`;
}
