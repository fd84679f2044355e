/** Less than a test may take, so that it can say for what it waited. */
const PATIENCE_MS = 45_000;

/**
 * Waits for something that happens elsewhere, and gives the first answer that is not nothing; a test that waits in
 * vain says for what. What `what` throws ends the waiting.
 * @param last tells what was there instead
 */
export async function until<T>(
  what: () => T | Promise<T>,
  limitMs = PATIENCE_MS,
  last?: () => unknown,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await what();
    if (answer) return answer as Exclude<T, false | null | undefined>;
    if (Date.now() > deadline) {
      const instead = last ? `, but ${JSON.stringify(await last())}` : '';
      throw new Error(`still not so after ${limitMs} ms: ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
