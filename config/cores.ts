import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Cores this process may really use: affinity, and the container's CPU quota, which Node 20 does not count.
 * More threads than cores cost ResNet-34 half its speed here (4 on 2 cores: 13 discs/s; 2 on 2: 34).
 */
export function usableCores(quotaFile = '/sys/fs/cgroup/cpu.max'): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupQuota(quotaFile))));
}

/** A CT takes hundreds of megabytes while it is read: a host with many cores must not read as many at once. */
const MOST_READERS = 4;

/**
 * How many series are read at once: a reading keeps two cores busy, so that two on two cores only make both late
 * (`npm run bench:burst -- --studies 20` on two cores: the first report after 0.18 of the whole with one, 0.33 with two,
 * as many studies an hour).
 */
export function readersAtOnce(
  { threads }: { readonly threads?: number | undefined },
  cores = usableCores(),
): number {
  return threads ?? Math.min(MOST_READERS, Math.max(1, Math.floor(cores / 2)));
}

/** cgroup v2 `cpu.max`: "<quota µs | max> <period µs>"; no limit is Infinity. */
function cgroupQuota(file: string): number {
  try {
    const [quota, period] = readFileSync(file, 'utf8').trim().split(' ');
    return quota === 'max' ? Infinity : Number(quota) / Number(period) || Infinity;
  } catch {
    return Infinity;
  }
}
