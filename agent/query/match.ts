/** One answer of a C-FIND, read without trust: a key may be missing, empty, a number, a list or a person name. */
export interface Matched {
  text(keyword: string): string;
  list(keyword: string): readonly string[];
  /** YYYY-MM-DD; null when there is none. */
  date(keyword: string): string | null;
  /** A whole number of at least 0; null when there is none. */
  count(keyword: string): number | null;
}

/** @param elements as dcmjs names them: by keyword */
export function parseMatch(elements: Readonly<Record<string, unknown>>): Matched {
  const list = (keyword: string) => values(elements[keyword]).filter((value) => value !== '');
  const text = (keyword: string) => list(keyword).join('\\');
  return {
    list,
    text,
    date(keyword) {
      const [, year, month, day] = /^(\d{4})[-.]?(\d{2})[-.]?(\d{2})$/.exec(text(keyword)) ?? [];
      const iso = `${year}-${month}-${day}`;
      return year !== undefined && !Number.isNaN(Date.parse(iso)) ? iso : null;
    },
    count(keyword) {
      const written = text(keyword);
      return /^\d{1,9}$/.test(written) ? Number(written) : null;
    },
  };
}

function values(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(values);
  if (typeof value === 'object') return values((value as { Alphabetic?: unknown }).Alphabetic);
  return String(value)
    .split('\\')
    .map((part) => part.replace(/\0/g, '').trim());
}
