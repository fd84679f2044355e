import type { AuditRow } from '../../../db/tables/audit.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

/** Who did what when, the newest first. @param withSubject also of what: rows of several things */
export function auditTable(audit: readonly AuditRow[], withSubject = false): Html {
  return html`<table class="audit"><thead><tr><th scope="col">When (UTC)</th><th scope="col">Event</th><th scope="col">By</th>${withSubject && html`<th scope="col">Of</th>`}<th scope="col">Detail</th></tr></thead>
<tbody>${audit.map((row) => auditRow(row, withSubject))}</tbody></table>`;
}

function auditRow(row: AuditRow, withSubject: boolean): Html {
  const { seq, at, event, actor, detail, outcome, subjectType, subjectId } = row;
  const words = event.toLowerCase().replaceAll('_', ' ');
  return html`<tr><td title="row ${seq}">${moment(at)}</td>
<td>${words}${outcome > 0 && html` <span class="differs">failed</span>`}</td><td>${actor}</td>
${withSubject && html`<td class="detail">${subjectType} ${subjectType === 'case' && /^[0-9a-f-]{36}$/.test(subjectId) ? html`<a href="/cases/${subjectId}">${subjectId}</a>` : subjectId}</td>`}<td class="detail">${Object.entries(detail ?? {}).map(([key, value]) => html`<span>${spaced(key)} <b>${said(value)}</b></span> `)}</td></tr>`;
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
