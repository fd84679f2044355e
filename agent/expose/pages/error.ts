import { type Html, html } from '../html.js';

const HEADINGS: Readonly<Record<number, string>> = {
  400: 'That cannot be asked',
  403: 'Not for you',
  404: 'Not there',
  410: 'Not any more',
  429: 'Too often',
  500: 'Something went wrong',
};

/** What went wrong, for a person: machines get the same as JSON. */
export function errorPage(status: number, message: string): Html {
  return html`<p><a href="/">← Worklist</a></p><h1>${HEADINGS[status] ?? `Error ${status}`}</h1>
<p class="alert" role="alert">${message}</p>
${status === 404 && html`<p><a href="/find">Look for a study that has become no case</a></p>`}`;
}
