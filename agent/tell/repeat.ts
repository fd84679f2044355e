/** One round at a time, the next `everyMs` after it ended. @param round never throws */
export function repeat(round: () => Promise<void>, everyMs: number): { close(): Promise<void> } {
  let isClosed = false;
  let timer: NodeJS.Timeout;
  let running = Promise.resolve();
  const look = () => {
    running = round().then(() => {
      if (!isClosed) timer = setTimeout(look, everyMs).unref();
    });
  };
  look();
  return {
    /** Waits for the round under way. */
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
