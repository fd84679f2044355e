/** Waits for all of them, under their names. */
export async function allOf<Promises extends Readonly<Record<string, Promise<unknown>>>>(
  promises: Promises,
): Promise<{ [Name in keyof Promises]: Awaited<Promises[Name]> }> {
  const pairs = Object.entries(promises).map(async ([name, promise]) => [name, await promise] as const);
  return Object.fromEntries(await Promise.all(pairs)) as {
    [Name in keyof Promises]: Awaited<Promises[Name]>;
  };
}
