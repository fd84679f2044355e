/** Many people's pages look for news every few seconds: for so long they share a look. One that failed is not kept. */
export function remembered<T>(look: () => Promise<T>, milliseconds: number): () => Promise<T> {
  let last: { readonly at: number; readonly seen: Promise<T> } | null = null;
  return () => {
    if (last && performance.now() - last.at <= milliseconds) return last.seen;
    const seen = look();
    last = { at: performance.now(), seen };
    seen.catch(() => {
      if (last?.seen === seen) last = null;
    });
    return seen;
  };
}
