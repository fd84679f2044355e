import type { AuditRow } from '../../../db/tables/audit.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

/** Who did what when, the newest first. */
export function auditTable(audit: readonly AuditRow[]): Html {
  return html`<table class="audit"><thead><tr><th scope="col">When (UTC)</th><th scope="col">Event</th><th scope="col">By</th><th scope="col">Detail</th></tr></thead>
<tbody>${audit.map(auditRow)}</tbody></table>`;
}

function auditRow({ seq, at, event, actor, detail, outcome }: AuditRow): Html {
  const words = event.toLowerCase().replaceAll('_', ' ');
  return html`<tr><td title="row ${seq}">${moment(at)}</td>
<td>${words}${outcome > 0 && html` <span class="differs">failed</span>`}</td><td>${actor}</td>
<td class="detail">${Object.entries(detail ?? {}).map(([key, value]) => html`<span>${spaced(key)} <b>${said(value)}</b></span> `)}</td></tr>`;
}

/** intervalDays -> interval days */
function spaced(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function said(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(said).join('; ');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${spaced(key)} ${said(inner)}`)
    .join(', ');
}
