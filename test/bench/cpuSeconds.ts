import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Linux counts processor time in these (sysconf _SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

/** User and system seconds of this process and of the embedded PostgreSQL under `dataDir`; of the second as it stands now. */
export function cpuSeconds(dataDir: string): { readonly own: number; readonly postgres: number } {
  const { user, system } = process.cpuUsage();
  return { own: (user + system) / 1e6, postgres: postgresSeconds(dataDir) };
}

/** The server's processes and those that it has waited for; 0 where /proc does not say. */
function postgresSeconds(dataDir: string): number {
  try {
    const [pid] = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n');
    const server = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(name) ?? [])
      .filter((stat) => stat.pid === pid || stat.parent === pid);
    return server.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** proc(5): pid (name) state ppid …; fields 14 to 17 are its own time and that of children it has waited for. */
function statOf(
  pid: string,
): { readonly pid: string; readonly parent: string; readonly ticks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { pid, parent: fields[1]!, ticks };
  } catch {
    return null;
  }
}
