import { version } from '../../../config/version.js';
import { type Html, html } from '../html.js';

export interface Page {
  readonly title: string;
  readonly main: Html;
  /** Above everything else. */
  readonly alerts?: readonly Html[];
  /** Seconds between looks for news; absent: the page stands still. */
  readonly refreshSeconds?: number;
}

export function layout({ title, main, alerts = [], refreshSeconds }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Calcidisc</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
${refreshSeconds !== undefined && html`<script type="module" src="/assets/live.js" data-seconds="${refreshSeconds}"></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><a class="brand" href="/">Calcidisc</a><a href="/find">Where is it?</a><span class="tag">lumbar disc calcification on MR</span></header>
<p class="banner" role="note"><strong>Research software, not a medical device.</strong> The classifiers learnt from
simulated calcification over real anatomy. Every result is unverified.</p>
<main id="main">${alerts}${main}</main>
<footer>Calcidisc ${version} · <a href="/api/cases">JSON</a> · <a href="/metrics">metrics</a></footer>
</body>
</html>`.toString();
}
