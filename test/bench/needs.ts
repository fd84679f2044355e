import { spawnSync } from 'node:child_process';

/** Ends the bench, naming what is missing: a comparison without one side is none. */
export function needs(...commands: readonly string[]): void {
  const missing = commands.filter((each) => spawnSync(each, ['--version'], { stdio: 'ignore' }).error);
  if (missing.length === 0) return;
  console.error(`this bench needs ${missing.join(', ')} (Debian packages dcmtk and orthanc)`);
  process.exit(1);
}
