// prepack and postpack: builds, and puts in the package's place what only the package has: the README of an installed
// program, and the lock file's versions (npm keeps to npm-shrinkwrap.json of a package, not to package-lock.json).
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [readme, kept] = [join(root, 'README.md'), join(root, '.README.checkout.md')];
const shrinkwrap = join(root, 'npm-shrinkwrap.json');

if (process.argv[2] === 'post') restore();
else prepare();

function prepare() {
  restore();
  setup();
  const text = forPackage(readFileSync(readme, 'utf8'));
  const left = /^.*npm run.*$/m.exec(text);
  if (left) throw new Error(`README.md says npm run where the package has none: ${left[0]}`);
  copyFileSync(readme, kept);
  writeFileSync(readme, text);
  copyFileSync(join(root, 'package-lock.json'), shrinkwrap);
}

/** Also what an interrupted pack has left. */
function restore() {
  if (existsSync(kept)) renameSync(kept, readme);
  rmSync(shrinkwrap, { force: true });
}

/** `<!-- checkout -->…<!-- /checkout -->` goes, what stands in `<!-- package … /package -->` comes. */
function forPackage(text) {
  return text
    .replace(/<!-- checkout -->\n[\s\S]*?<!-- \/checkout -->\n/g, '')
    .replace(/<!-- package\n([\s\S]*?)\/package -->\n/g, '$1');
}
