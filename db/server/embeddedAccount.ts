import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Who the embedded server runs as, when that is not ourselves: PostgreSQL refuses to run as root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** An account every system has, so that none needs to be created. */
const CANDIDATES = ['postgres', 'nobody'];

/** @returns null unless this is root @throws Error when the system has none of the accounts */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of CANDIDATES) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (Number(uid) > 0 && Number(gid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    `root may not run PostgreSQL, and there is no account ${CANDIDATES.join(' or ')} to run it as`,
  );
}

export async function giveTo(account: Account | null, ...paths: string[]): Promise<void> {
  if (account) for (const path of paths) await chown(path, account.uid, account.gid);
}

export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** Runs one of the server's programs as the account, to its end. */
export function runAs(
  account: Account | null,
  program: string,
  args: readonly string[],
  dataFolder: string,
): Promise<Finished> {
  const [command, commandArgs, identity] = asAccount(account, program, args, dataFolder);
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArgs, {
      ...identity,
      // The server's account may not enter the folder we were started in.
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve({ code: code ?? 1, output: signal ? `${output}${signal}` : output }),
    );
  });
}

/**
 * Where a folder on the way is closed to the account (the project or its data under /root), util-linux's setpriv
 * lets the server keep root's right to pass through it, and no other of root's rights.
 */
function asAccount(account: Account | null, program: string, args: readonly string[], dataFolder: string) {
  if (!account) return [program, args, {}] as const;
  const { uid, gid } = account;
  if ([program, dataFolder].every((path) => mayReach(account, path)))
    return [program, args, { uid, gid }] as const;
  const capability = '+dac_override';
  const drop = ['--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups'];
  // PostgreSQL asks access(2) for its own programs, which counts no right of another than root without this bit
  // (capabilities(7)): the project itself under /root would not start.
  const counted = ['--securebits', '+no_setuid_fixup'];
  const keep = [
    '--inh-caps',
    `-all,${capability}`,
    '--ambient-caps',
    `-all,${capability}`,
    '--bounding-set',
    `-all,${capability}`,
  ];
  return ['setpriv', [...drop, ...counted, ...keep, '--no-new-privs', '--', program, ...args], {}] as const;
}

function mayReach({ uid, gid }: Account, path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stat = statSync(folder);
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
    if ((stat.mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
