import { CalcidiscError } from '../../agent/domain/errors.js';

/** One line of a table by its column names, and where it stands for messages. */
export interface CsvRow {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * RFC 4180: comma or semicolon (as spreadsheets of many countries write it), quotes doubled, any line end, BOM allowed.
 * @throws CalcidiscError DATASET_INVALID for a row with other columns than the header
 */
export function parseCsv(text: string, where: string): CsvRow[] {
  const [header, ...records] = splitRecords(text.replace(/^\uFEFF/, ''));
  if (!header) return [];
  return records.map(({ line, fields }) => {
    if (fields.length !== header.fields.length)
      throw new CalcidiscError(
        'DATASET_INVALID',
        `${where}, line ${line}: ${fields.length} values for ${header.fields.length} columns`,
      );
    const entries = header.fields.map((name, i) => [name.trim(), fields[i]!.trim()] as const);
    return { line, values: Object.fromEntries(entries) };
  });
}

interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

function splitRecords(text: string): CsvRecord[] {
  const separator = (text.split('\n', 1)[0] ?? '').includes(';') ? ';' : ',';
  const token = new RegExp(`"((?:[^"]|"")*)"|([^"${separator}\\r\\n]*)`, 'y');
  const records: CsvRecord[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const first = line;
    const fields: string[] = [];
    for (;;) {
      token.lastIndex = at;
      const [whole, quoted, plain] = token.exec(text)!;
      fields.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
      line += whole.split('\n').length - 1;
      at += whole.length;
      if (text[at] !== separator) break;
      at++;
    }
    // To the line's end: a stray quote or text after a closing one belongs to no value.
    while (at < text.length && text[at] !== '\n') at++;
    at++;
    line++;
    if (fields.length > 1 || fields[0] !== '') records.push({ line: first, fields });
  }
  return records;
}
