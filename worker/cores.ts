export interface Lanes {
  /** Batches computed side by side, each by a session of its own with its own copy of the weights. */
  readonly lanes: number;
  /** Threads inside one operator, of each session. */
  readonly threads: number;
}

/** As the configuration says it: `threads` in all. */
interface WantedLanes {
  readonly lanes?: number | undefined;
  readonly threads?: number | undefined;
}

/**
 * How the cores are shared out. Two halves side by side do more than one session over all cores: its threads wait for
 * each other after every operator, so whatever takes one core for a moment (the database, this process's own loop)
 * would stop them all. More than two lanes would only cost memory. A GPU is one lane: it queues by itself.
 */
export function planLanes(wanted: WantedLanes, cores: number, isGpu: boolean): Lanes {
  const threads = wanted.threads ?? cores;
  const lanes = Math.min(threads, wanted.lanes ?? (isGpu ? 1 : 2));
  return { lanes, threads: Math.floor(threads / lanes) };
}
