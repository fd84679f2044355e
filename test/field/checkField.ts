/**
 * `npm run check:field -- DIR [--only SLUG,SLUG] [--json]`
 *
 * Runs every `DIR/<slug>/repro.py PRODUCT` against this checkout: situations that people met at work, re-enacted on a
 * running product with a real Orthanc beside it. Prints a table; exit code 0 only when each says that all was right.
 * Needs what the scripts need: Python 3 with pydicom and numpy, Orthanc, DCMTK.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asTable } from '../../cli/demo/table.js';
import { projectRoot } from '../../config/root.js';
import { argumentsOf, foldersOf, wrongUsage } from '../bench/arguments.js';

interface Outcome {
  readonly slug: string;
  readonly isRight: boolean;
  readonly seconds: number;
  /** What its author expects, in his words. */
  readonly expected: string;
  readonly output: string;
}

/** Longer than any of them takes: then it hangs. */
const LIMIT_MS = 15 * 60_000;

const { values: options, positionals } = argumentsOf(import.meta.url, {
  allowPositionals: true,
  options: { only: { type: 'string' }, json: { type: 'boolean', default: false } },
});
const [given] = positionals;
const dir = resolve(
  foldersOf(given === undefined ? [] : [given], 'the folder that holds <slug>/repro.py')[0]!,
);
const python = findPython();
const only = options.only?.split(',');
const slugs = readdirSync(dir)
  .filter((slug) => existsSync(join(dir, slug, 'repro.py')) && (only?.includes(slug) ?? true))
  .sort();
if (slugs.length === 0)
  wrongUsage(`There is no <slug>/repro.py in ${dir}${only ? ` of ${only.join(', ')}` : ''}`);

const outcomes: Outcome[] = [];
for (const slug of slugs) {
  const outcome = await run(slug);
  outcomes.push(outcome);
  console.error(`${outcome.isRight ? 'right' : 'WRONG'}  ${slug}  ${outcome.seconds.toFixed(0)} s`);
  if (!outcome.isRight) console.error(outcome.output.replace(/^/gm, '    '));
}
const wrong = outcomes.filter(({ isRight }) => !isRight);
console.log(
  options.json
    ? JSON.stringify(outcomes)
    : asTable(
        ['situation', '', 'seconds', 'expected'],
        outcomes.map(({ slug, isRight, seconds, expected }) => [
          slug,
          isRight ? 'right' : 'WRONG',
          seconds.toFixed(0),
          expected,
        ]),
      ),
);
console.log(`${outcomes.length - wrong.length} of ${outcomes.length} right`);
process.exit(wrong.length === 0 ? 0 : 1);

function run(slug: string): Promise<Outcome> {
  const script = join(dir, slug, 'repro.py');
  const begin = performance.now();
  return new Promise((done) => {
    const child = spawn(python, ['-W', 'ignore', script, projectRoot], { stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('close', (code) => {
      clearTimeout(timer);
      const seconds = (performance.now() - begin) / 1000;
      done({ slug, isRight: code === 0, seconds, expected: expectedBy(script), output: output.trim() });
    });
  });
}

/** The sentence of the script's opening words that begins with "Expected". */
function expectedBy(script: string): string {
  const opening = /"""([\s\S]*?)"""/.exec(readFileSync(script, 'utf8'))?.[1] ?? '';
  return (/Expected: ([\s\S]*)/.exec(opening)?.[1] ?? opening).replace(/\s+/g, ' ').trim().slice(0, 100);
}

/** The system's own first: a distribution's packages are there, and not in whatever stands first on the path. */
function findPython(): string {
  const found = ['/usr/bin/python3', 'python3'].find(
    (each) => spawnSync(each, ['-c', 'import pydicom, numpy']).status === 0,
  );
  if (found) return found;
  console.error('no Python 3 with pydicom and numpy: apt-get install python3-pydicom python3-numpy');
  return process.exit(2);
}
