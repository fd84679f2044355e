import { type Html, html } from '../html.js';

export interface LoginView {
  readonly next: string;
  readonly name?: string;
  readonly message: string | null;
  readonly isWrong?: boolean;
  readonly csrf: string;
  /** What single sign-on is called here; null: there is none. */
  readonly sso: string | null;
  /** Whether anybody has an account yet. */
  readonly hasOwner: boolean;
  /** Where the page is by HTTPS, for whoever came by plain HTTP; null: all is well. */
  readonly goTo: string | null;
}

export function loginPage(view: LoginView): Html {
  const { next, name = '', message, isWrong = false, csrf, sso, hasOwner, goTo } = view;
  return html`<section class="entry" aria-labelledby="login"><h1 id="login">Log in</h1>
${message && html`<p class="alert" role="${isWrong ? 'alert' : 'status'}">${message}</p>`}
${goTo && html`<p class="alert" role="alert">Log in by HTTPS: ${goTo.startsWith('https:') ? html`<a href="${goTo}">${goTo}</a>` : 'the address of this page begins with https://'}. By plain HTTP nobody stays logged in.</p>`}
${!hasOwner && !sso && noOwner}
${sso && html`<p><a class="button" href="/login/oidc?next=${encodeURIComponent(next)}">${sso}</a></p>`}
${(hasOwner || !sso) && form(next, name, csrf, isWrong)}
<p class="quiet">Who looks at whom is on the audit trail.</p></section>`;
}

const noOwner = html`<p class="alert" role="status"><strong>Nobody has an account yet.</strong> The terminal where Calcidisc was started
shows a link that makes the first administrator; <code>calcidisc user link</code> prints a new one.</p>`;

function form(next: string, name: string, csrf: string, isWrong: boolean): Html {
  return html`<form method="post" action="/login"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="next" value="${next}">
<label>Name <input name="name" value="${name}" autocomplete="username" autocapitalize="none" spellcheck="false" required${!isWrong && html` autofocus`}></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required${isWrong && html` autofocus`}></label>
<button>Log in</button></form>`;
}
