import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** A machine of its own as far as the network goes: a network namespace with one cable to the others' switch. */
export interface NetworkHost {
  readonly name: string;
  readonly address: string;
  /** Starts a program there. */
  spawn(program: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** The cable is pulled: nothing comes, nothing goes, nobody is told. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export interface Network {
  /** The switch, where this process itself is reached. */
  readonly address: string;
  readonly hosts: Readonly<Record<string, NetworkHost>>;
  close(): Promise<void>;
}

/** @returns why there can be no network here, or null */
export function whyNoNetwork(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces take root';
  return ['/sbin/ip', '/usr/sbin/ip', '/bin/ip'].some((path) => existsSync(path))
    ? null
    : 'no ip (Debian package: iproute2)';
}

/** Hosts on one switch, 10.83.<number>.0/24; the number is this process's, so that two runs do not meet. */
export async function openNetwork(names: readonly string[]): Promise<Network> {
  const number = process.pid % 250;
  const bridge = `cdbr${number}`;
  const prefix = `10.83.${number}`;
  const opened: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const undo of opened.reverse()) await undo().catch(() => undefined);
  };
  try {
    await ip('link', 'add', bridge, 'type', 'bridge');
    opened.push(() => ip('link', 'del', bridge));
    await ip('addr', 'add', `${prefix}.1/24`, 'dev', bridge);
    await ip('link', 'set', bridge, 'up');
    const hosts: Record<string, NetworkHost> = {};
    for (const [index, name] of names.entries()) {
      const [space, outer] = [`cd${number}-${name}`, `cdv${number}-${index}`];
      await ip('netns', 'add', space);
      opened.push(() => ip('netns', 'del', space));
      await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
      await ip('link', 'set', outer, 'master', bridge, 'up');
      const address = `${prefix}.${index + 10}`;
      for (const args of [
        ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
        ['link', 'set', 'eth0', 'up'],
        ['link', 'set', 'lo', 'up'],
      ])
        await ip('-n', space, ...args);
      hosts[name] = {
        name,
        address,
        spawn: (program, args, options = {}) =>
          spawn('ip', ['netns', 'exec', space, program, ...args], options),
        cut: () => ip('link', 'set', outer, 'down'),
        mend: () => ip('link', 'set', outer, 'up'),
      };
    }
    return { address: `${prefix}.1`, hosts, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ip(...args: string[]): Promise<void> {
  await promisify(execFile)('ip', args);
}
