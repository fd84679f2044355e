/** A line of the log at level warn or above, as a page shows it. */
export interface LoggedTrouble {
  /** Of the last of them. */
  readonly at: Date;
  readonly level: string;
  readonly part: string;
  readonly message: string;
  /** `key=value`, UIDs and ids, of the last of them. */
  readonly facts: string;
  /** How many times so far. */
  readonly count: number;
}

const MOST = 100;
const kept: LoggedTrouble[] = [];

/** What is said again and again is kept once, and counted. */
export function rememberTrouble(trouble: Omit<LoggedTrouble, 'count'>): void {
  const again = kept.findIndex(
    ({ part, message, level }) =>
      part === trouble.part && message === trouble.message && level === trouble.level,
  );
  const [before] = again < 0 ? [] : kept.splice(again, 1);
  kept.push({ ...trouble, count: (before?.count ?? 0) + 1 });
  if (kept.length > MOST) kept.shift();
}

/** Of this process since it began, newest first: as many kinds as are kept. */
export function recentTroubles(): readonly LoggedTrouble[] {
  return kept.toReversed();
}
