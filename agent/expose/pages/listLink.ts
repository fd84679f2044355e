/** What a worklist was asked, as its address has it. */
export type Asked = Readonly<Partial<Record<string, string | number | undefined>>>;

export function listLink(query: Asked): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    const isDefault = value === undefined || value === '' || DEFAULTS[key] === value;
    if (!isDefault) search.set(key, String(value));
  }
  return search.size === 0 ? '/' : `/?${search}`;
}

/** What need not stand in an address. */
const DEFAULTS: Readonly<Record<string, number>> = { page: 0, limit: 50 };
