const HERE = 'http://here.invalid';

/** Where to go after the log-in: a path of this page, whatever `next` says (an open redirect lends our name to others). */
export function localPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || !URL.canParse(next, HERE)) return '/';
  // Read as a browser reads it: `//evil`, `/\evil` and `/<tab>/evil` are other hosts, `/.//evil` becomes one.
  const { origin, pathname, search } = new URL(next, HERE);
  return origin === HERE && !pathname.startsWith('//') ? `${pathname}${search}` : '/';
}
