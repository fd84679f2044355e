import { SHORTEST_PASSWORD } from '../../access/passwords.js';
import { type Html, html } from '../html.js';

export interface SetUpView {
  readonly token: string;
  /** Whose password it is; null: the first administrator's, who has no name yet. */
  readonly account: string | null;
  readonly name?: string;
  readonly csrf: string;
  readonly message: string | null;
}

/** Where a one-time link leads: the first administrator, or a password of one's own. */
export function setUpPage({ token, account, name = '', csrf, message }: SetUpView): Html {
  return html`<section class="entry" aria-labelledby="set-up"><h1 id="set-up">${account ? 'Choose a password' : 'Set-up'}</h1>
<p>${
    account
      ? html`For the account <strong>${account}</strong>.`
      : 'This makes the first account, an administrator. From then on everybody logs in; others are added under “Accounts”.'
  }</p>
${message && html`<p class="alert" role="alert">${message}</p>`}
<form method="post" action="/set-up"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="token" value="${token}">
${
  account
    ? html`<input type="hidden" name="name" value="${account}" autocomplete="username">`
    : html`<label>Name <input name="name" value="${name}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus></label>`
}
${newPasswordFields}
<button>${account ? 'Choose it and log in' : 'Make the account and log in'}</button></form>
<p class="quiet">This link is good once. Passwords are kept as scrypt hashes; nobody here can read them.</p></section>`;
}

/** The same for a set-up and for a change. */
export const newPasswordFields = html`<label>New password <input name="password" type="password" autocomplete="new-password" minlength="${SHORTEST_PASSWORD}" aria-describedby="password-rule" required></label>
<p class="quiet" id="password-rule">${SHORTEST_PASSWORD} characters or more; several words do well.</p>
<label>Once more <input name="repeated" type="password" autocomplete="new-password" required></label>`;
