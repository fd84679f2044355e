/** A command that compares has failed before it could: its exit code must not read as "it differs". */
export class NoVerdict extends Error {
  override readonly name = 'NoVerdict';
}

/** @throws NoVerdict with whatever kept `compare` from an answer as its cause */
export async function verdictOf<T>(compare: () => Promise<T>): Promise<T> {
  try {
    return await compare();
  } catch (cause) {
    throw new NoVerdict('nothing was compared', { cause });
  }
}
