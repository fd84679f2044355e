import type { QualityDiscFilter, QualityDiscRow } from '../../../db/views/qualityDiscs.js';
import { type Html, html } from '../html.js';

export interface QualityDiscsPage {
  readonly rows: readonly QualityDiscRow[];
  readonly discs: number;
  readonly cases: number;
  readonly query: QualityDiscFilter;
  /** There may be more. */
  readonly isFull: boolean;
}

export const TRUTH_WORDS = {
  ct: 'the CT',
  reader: "readers' verdicts",
  report: 'the written report',
} as const;

/** The discs that a number stands for. */
export function qualityDiscsPage({ rows, discs, cases, query, isFull }: QualityDiscsPage): Html {
  const { after: _, ...asked } = query;
  const last = rows.at(-1);
  const next = last && isFull ? search({ ...asked, after: `${last.caseId}/${last.level}` }) : null;
  return html`<p><a href="/quality">← Quality</a></p><h1>Discs <small>${discs} of ${cases} cases</small></h1>
<p class="facts">${Object.entries(asked).flatMap(([key, value]) => (value === undefined ? [] : [html`<span>${words(key)} <strong>${String(value)}</strong></span> `]))}<a href="/quality/discs">all that the deciding model answered</a></p>
<div class="scroll" tabindex="0" role="region" aria-label="Discs"><table class="people disc-list"><thead><tr><th scope="col">Case</th><th scope="col">MR</th><th scope="col">Disc</th><th scope="col">Model</th><th scope="col">It says</th><th scope="col">CT</th><th scope="col">Readers</th><th scope="col">Report</th><th scope="col">Where</th></tr></thead>
<tbody>${rows.map(discRow)}</tbody></table></div>
${rows.length === 0 && html`<p class="empty">No disc is like that.</p>`}
<nav class="pages" aria-label="Pages">${query.after !== undefined && html`<a href="/quality/discs${search(asked)}">First page</a> `}${next && html`<a rel="next" href="/quality/discs${next}">Next</a>`}</nav>
<p class="legend">“–”: says nothing of the disc, or in doubt; readers who differ say nothing together.</p>`;
}

function discRow(row: QualityDiscRow): Html {
  const {
    caseId,
    accessionNumber,
    patientId,
    mrDate,
    level,
    model,
    role,
    probability,
    threshold,
    calcified,
    site,
    scanner,
  } = row;
  return html`<tr><th scope="row"><a href="/cases/${caseId}">${accessionNumber || caseId.slice(0, 8)}</a><small>${patientId}</small></th><td>${mrDate ?? '–'}</td><td>${level}</td>
<td>${model}<small>${role === 'active' ? 'decides' : 'shadow'}</small></td><td>${said(calcified)}<small>${probability.toFixed(3)}, calcified from ${threshold.toFixed(3)}</small></td>
<td>${said(row.ct)}</td><td>${said(row.reader)}</td><td>${said(row.report)}</td><td>${site || '–'}<small>${scanner}</small></td></tr>`;
}

function said(value: boolean | null): string {
  return value === null ? '–' : value ? 'calcified' : 'not calcified';
}

function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function search(query: QualityDiscFilter): string {
  const said = Object.entries(query).filter(([, value]) => value !== undefined);
  return said.length === 0
    ? ''
    : `?${new URLSearchParams(said.map(([key, value]): [string, string] => [key, String(value)]))}`;
}
