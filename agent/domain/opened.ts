export interface Closable {
  close(): Promise<void>;
}

/** What has been opened so far, in order: a start that fails half-way leaves nothing behind that keeps the process. */
export class Opened implements Closable {
  private readonly parts: Closable[] = [];

  keep<T extends Closable>(part: T): T {
    this.parts.push(part);
    return part;
  }

  /**
   * The last one first, each whatever became of the others.
   * @throws the first error, when all have been tried
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.parts.splice(0).reverse())
      await part.close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
