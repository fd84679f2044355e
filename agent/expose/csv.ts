import { Readable } from 'node:stream';

type Cell = string | number | boolean | Date | null | undefined;

/**
 * RFC 4180, with CRLF; read as UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe before it:
 * names come from elsewhere.
 */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell !== 'string') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Page after page as it is read: a long list never lies in memory whole. */
export function csvStream<T>(
  headings: readonly string[],
  pages: AsyncIterable<readonly T[]>,
  cellsOf: (row: T) => readonly Cell[],
): Readable {
  async function* lines() {
    yield csvLine(headings);
    for await (const page of pages) yield page.map((row) => csvLine(cellsOf(row))).join('');
  }
  return Readable.from(lines());
}
