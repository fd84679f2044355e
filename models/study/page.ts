import { escapeXml, type Figure } from '../evaluation/figures.js';
import { type Table, toMarkdown } from './tables.js';

/** What stands above the tables: what this is, and what it is not. */
export interface Heading {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly warnings: readonly string[];
}

export function toMarkdownReport(
  { title, facts, warnings }: Heading,
  tables: readonly Table[],
  figures: readonly Figure[],
): string {
  return [
    `# ${title}`,
    '',
    ...warnings.flatMap((warning) => [`> **${warning}**`, '']),
    ...facts.map(([name, value]) => `- ${name}: ${value}`),
    '',
    ...tables.map(toMarkdown),
    ...figures.flatMap((figure) => [`### ${figure.title}`, '', `![${figure.title}](${figure.name}.svg)`, '']),
  ].join('\n');
}

/** Of every report of ours, on a screen and in print. */
export const STYLE = `
  body { font: 11pt/1.4 Helvetica, Arial, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #111; }
  table { border-collapse: collapse; width: 100%; font-size: 9.5pt; margin: .5em 0; }
  caption, h2 { text-align: left; font-size: 12pt; font-weight: bold; margin-top: 1.5em; }
  th, td { padding: .25em .5em; text-align: right; border-bottom: 1px solid #ccc; }
  th:first-child, td:first-child { text-align: left; white-space: nowrap; }
  thead th { border-bottom: 2px solid #444; border-top: 2px solid #444; }
  .warning { border: 2px solid #b00; padding: .5em 1em; font-weight: bold; }
  .note { font-size: 9pt; color: #444; margin: .2em 0; }
  figure { display: inline-block; margin: 1em 1em 1em 0; break-inside: avoid; }
  figcaption { font-weight: bold; font-size: 10pt; }
  section { break-inside: avoid; overflow-x: auto; }
  @page { size: A4 landscape; margin: 15mm; }
  @media print { body { margin: 0; max-width: none; } }
`;

/** One file with everything in it, to read and to print. */
export function toHtmlReport(
  { title, facts, warnings }: Heading,
  tables: readonly Table[],
  figures: readonly Figure[],
): string {
  const body = [
    `<h1>${escapeXml(title)}</h1>`,
    ...warnings.map((warning) => `<p class="warning">${escapeXml(warning)}</p>`),
    `<ul>${facts.map(([name, value]) => `<li>${escapeXml(name)}: ${escapeXml(value)}</li>`).join('')}</ul>`,
    ...tables.map(toHtml),
    ...figures.map(
      ({ title: caption, svg }) => `<figure><figcaption>${escapeXml(caption)}</figcaption>${svg}</figure>`,
    ),
  ];
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeXml(title)}</title><style>${STYLE}</style></head><body>\n${body.join('\n')}\n</body></html>\n`
  );
}

/** One table with its notes. */
export function toHtml({ title, header, rows, notes }: Table): string {
  const cells = (tag: 'th' | 'td', values: readonly string[]) =>
    `<tr>${values.map((value) => `<${tag}>${escapeXml(value)}</${tag}>`).join('')}</tr>`;
  return (
    `<section><table><caption>${escapeXml(title)}</caption><thead>${cells('th', header)}</thead>` +
    `<tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table>` +
    `${notes.map((note) => `<p class="note">${escapeXml(note)}</p>`).join('')}</section>`
  );
}
