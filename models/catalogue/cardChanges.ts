/** An entry of a card that another version's card says otherwise; undefined where one does not have it. */
export interface CardChange {
  /** 'trainingData.regions' */
  readonly entry: string;
  readonly before: unknown;
  readonly after: unknown;
}

type Card = Readonly<Record<string, unknown>>;

/** These differ always and tell nothing, or are long lists that no person compares. */
const PASSED_OVER = new Set(['version', 'created', 'outputs', 'calibration.reliability']);

/** What changed from one card to another, entry by entry, in the order of the newer one. */
export function cardChanges(older: Card, newer: Card): CardChange[] {
  const [before, after] = [flat(older), flat(newer)];
  return [...new Set([...after.keys(), ...before.keys()])]
    .filter((entry) => JSON.stringify(before.get(entry)) !== JSON.stringify(after.get(entry)))
    .map((entry) => ({ entry, before: before.get(entry), after: after.get(entry) }));
}

function flat(card: Card, prefix = ''): Map<string, unknown> {
  const entries = new Map<string, unknown>();
  for (const [key, value] of Object.entries(card)) {
    const entry = prefix + key;
    if (PASSED_OVER.has(entry)) continue;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) entries.set(entry, value);
    else for (const [inner, each] of flat(value as Card, `${entry}.`)) entries.set(inner, each);
  }
  return entries;
}
