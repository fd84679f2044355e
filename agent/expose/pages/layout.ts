import { version } from '../../../config/version.js';
import { type Html, html } from '../html.js';
import type { Menu } from '../menu.js';

export interface Page {
  readonly title: string;
  readonly main: Html;
  /** Above everything else. */
  readonly alerts?: readonly Html[];
  /** Seconds between looks for news; absent: the page stands still. */
  readonly refreshSeconds?: number;
  /** Who looks; absent or null: nobody is logged in. */
  readonly menu?: Menu | null;
}

export function layout({ title, main, alerts = [], refreshSeconds, menu = null }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Calcidisc</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
${menu && html`<script type="module" src="/assets/keys.js"></script><script type="module" src="/assets/viewer.js"></script>`}
${refreshSeconds !== undefined && html`<script type="module" src="/assets/live.js" data-seconds="${refreshSeconds}"></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><a class="brand" href="/">Calcidisc</a>${menu && menu.by !== 'launch' && html`<a href="/find">Where is it?</a><a href="/quality">Quality</a><a href="/models">Models</a><a href="/reading">Reader studies</a>${menu.mayAudit && html`<a href="/people">People</a><a href="/audit">Audit</a>`}${menu.mayOperate && html`<a href="/operations">Operations</a><a href="/backfill">Backfill</a>`}`}<span class="tag">lumbar disc calcification on MR</span>${menu && (menu.by === 'launch' ? html`<span class="account">${menu.name}, opened for one study</span>` : accountMenu(menu))}</header>
<p class="banner" role="note"><strong>Research software, not a medical device.</strong> The classifiers learnt from
simulated calcification over real anatomy. Every result is unverified.</p>
<main id="main">${alerts}${main}</main>
<footer>Calcidisc ${version}${menu && menu.by !== 'launch' && html` · <a href="/api/cases">JSON</a>${menu.mayMeasure && html` · <a href="/metrics">metrics</a>`}`}</footer>
</body>
</html>`.toString();
}

function accountMenu({ name, role, by, mayManage, csrf }: Menu): Html {
  const label = by === 'open' ? 'not logged in' : html`${name} <span class="quiet">${role}</span>`;
  return html`<details class="account"><summary>${label}</summary><div>
<a href="/account">Account</a>${mayManage && html`<a href="/accounts">Accounts</a>`}
${csrf && html`<form method="post" action="/logout"><input type="hidden" name="_csrf" value="${csrf}"><button>Log out</button></form>`}</div></details>`;
}
