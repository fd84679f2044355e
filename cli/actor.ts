import { userInfo } from 'node:os';

/** Whoever gives the command, for the audit trail: the operating system's account. */
export function commandActor(): string {
  try {
    return `user:${userInfo().username}`;
  } catch {
    // A container's account may have a number and no name.
    return `user:uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
