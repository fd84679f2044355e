import type { AuditRow } from '../../../db/tables/audit.js';
import { type PurgedTrail, purgedTrailWords } from '../../domain/purgedWords.js';
import { type Html, html } from '../html.js';
import { auditTable } from './audit.js';

export interface TrailSearch {
  readonly events: readonly AuditRow[];
  /** The next page's `before`; null at the end. */
  readonly next: number | null;
  readonly query: Readonly<Partial<Record<string, string | number | undefined>>>;
  readonly names: readonly string[];
  /** Null: the trail is here from its beginning. */
  readonly purged: PurgedTrail | null;
}

/** The audit trail, searched. */
export function trailPage({ events, next, query, names, purged }: TrailSearch): Html {
  const field = (name: string, label: string, type = 'text') =>
    html`<label>${label} <input type="${type}" name="${name}" value="${query[name] ?? ''}"></label>`;
  const older = new URLSearchParams(
    Object.entries({ ...query, before: next ?? undefined }).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)] as [string, string]],
    ),
  );
  return html`<h1>Audit trail</h1>
<form class="filters" method="get" action="/audit" role="search">
<label>Event <select name="event"><option value="">any</option>${names.map((name) => html`<option value="${name}"${name === query.event && html` selected`}>${name.toLowerCase().replaceAll('_', ' ')}</option>`)}</select></label>
${field('actor', 'By (user:anna)')}${field('subjectType', 'Of (case, model)')}${field('subjectId', 'Its id')}${field('from', 'From', 'date')}${field('to', 'to', 'date')}
<button>Search</button> <a href="/audit">Clear</a></form>
${events.length === 0 ? html`<p class="empty">Nothing on the trail is like that.</p>` : auditTable(events, true)}
<nav class="pages" aria-label="Pages">${next !== null && html`<a rel="next" href="/audit?${older.toString()}">Older</a>`}</nav>
${purged && html`<p class="quiet">${purgedTrailWords(purged)}: <code>calcidisc audit verify --with FILE</code> walks both.</p>`}
<p class="legend">Each row holds the hash of the one before. <code>calcidisc audit verify</code> walks the chain and names the first broken row; <code>calcidisc audit export</code> writes it out. That you read this is on the trail, too.</p>`;
}
