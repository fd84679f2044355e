import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { serverAccount } from './embeddedAccount.js';
import { embeddedMajor, isPostgres, readPassword, readPostmaster, SERVER_USER } from './embeddedServer.js';

export const EMBEDDED_DATABASE = 'calcidisc';

/** The embedded server's folder as it lies there: nothing is made, started or changed. */
export interface EmbeddedLook {
  readonly folder: string;
  readonly state: 'absent' | 'stopped' | 'running';
  /** Why it could not be started, in words with the mend; null when nothing is seen that speaks against it. */
  readonly problem: string | null;
  /** Of a running one, with its password. */
  readonly url: string | null;
}

export async function lookAtEmbedded(dataDir: string): Promise<EmbeddedLook> {
  const folder = resolve(join(dataDir, 'postgres'));
  if (!existsSync(folder)) return { folder, state: 'absent', problem: null, url: null };
  const problem = folderProblem(folder);
  const postmaster = await readPostmaster({ folder }).catch(() => null);
  if (!postmaster || !(await isPostgres(postmaster.pid)))
    return { folder, state: 'stopped', problem, url: null };
  const password = await readPassword({ folder }).catch(() => null);
  const url = password && embeddedUrl(password, postmaster.port, EMBEDDED_DATABASE);
  return { folder, state: 'running', problem, url };
}

export function embeddedUrl(password: string, port: number, database: string): string {
  return `postgresql://${SERVER_USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** PostgreSQL opens its folder only for the account that owns it, and only with the version that wrote it. */
export function folderProblem(folder: string): string | null {
  const data = join(folder, 'data');
  try {
    const wanted = serverAccount() ?? { uid: process.getuid?.() ?? -1, name: 'this account' };
    const { uid } = statSync(data);
    if (wanted.uid >= 0 && uid !== wanted.uid)
      return (
        `${data} belongs to user ${uid}, and PostgreSQL would run as ${wanted.name} (${wanted.uid}): ` +
        `give it back (chown -R ${wanted.uid} ${folder}), or start as the account that it belongs to`
      );
    const major = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
    if (major === embeddedMajor()) return null;
    return (
      `${data} was written by PostgreSQL ${major}, this version brings ${embeddedMajor()}: ` +
      'restore a backup (calcidisc backup with the version before, calcidisc restore with this one)'
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${data} cannot be read (${code ?? message}): is it a copy that another account made, or not a whole one?`;
  }
}
