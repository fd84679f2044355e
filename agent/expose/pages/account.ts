import type { AccountRow } from '../../../db/tables/accounts.js';
import type { Principal } from '../../access/principal.js';
import { RIGHTS, type Right, ROLES } from '../../domain/access.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';
import type { Told } from './accounts.js';
import { newPasswordFields } from './setUp.js';

export interface AccountView {
  readonly principal: Principal;
  /** Null for a token, a proxy's word, and whoever sits at this machine. */
  readonly account: AccountRow | null;
  /** Null where there is no session of ours. */
  readonly csrf: string | null;
  readonly message: Told | null;
}

const HOW = {
  account: 'You are logged in here.',
  token: 'A token is shown with each request.',
  launch: 'Another system opened one study here for you.',
  proxy: 'The proxy in front of this page has logged you in.',
  open: 'Nobody has to say who they are on this machine until there is an account (http.access).',
} as const satisfies Record<Principal['by'], string>;

export function accountPage({ principal, account, csrf, message }: AccountView): Html {
  const { name, role, by } = principal;
  const rights: readonly Right[] = ROLES[role].rights;
  return html`<p><a href="/">← Worklist</a></p><h1>${name}</h1>
${message && html`<p class="alert" role="${message.isBad ? 'alert' : 'status'}">${message.text}</p>`}
<p>${HOW[by]} ${account?.lastLoginAt && html`Last log-in ${moment(account.lastLoginAt)} UTC.`}</p>
<h2>What ${role} may do</h2><ul>${rights.map((right) => html`<li>${RIGHTS[right]}</li>`)}</ul>
${csrf && account?.source === 'local' && passwordForm(csrf, name)}
${
  csrf &&
  html`<h2>Everywhere else</h2><form method="post" action="/account/sessions/end"><input type="hidden" name="_csrf" value="${csrf}">
<button>Log out everywhere</button></form>`
}`;
}

function passwordForm(csrf: string, name: string): Html {
  return html`<h2>Change the password</h2><form class="entry" method="post" action="/account/password"><input type="hidden" name="_csrf" value="${csrf}">
<input type="hidden" name="name" value="${name}" autocomplete="username">
<label>Password you have now <input name="old" type="password" autocomplete="current-password" required></label>
${newPasswordFields}<button>Change it</button></form>`;
}
