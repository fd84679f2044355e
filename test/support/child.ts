import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./dbChild.js', import.meta.url));
const children = new Set<ChildProcess>();

export interface Child {
  /** The next message it sends. @throws Error when it ends instead */
  next<T>(): Promise<T>;
  /** Asks it to leave in order. */
  leave(): Promise<void>;
  /** SIGKILL: it does not get to do anything more. */
  kill(): Promise<void>;
}

/** Runs dbChild in a process of its own. */
export function startChild(...args: string[]): Child {
  const child = fork(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.add(child);
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  const ended = once(child, 'exit').then(() => children.delete(child));
  return {
    async next<T>() {
      while (messages.length === 0) {
        const gone = await Promise.race([once(child, 'message').then(() => false), ended]);
        if (gone && messages.length === 0) throw new Error('the child process ended');
      }
      return messages.shift() as T;
    },
    async leave() {
      child.send('leave');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
