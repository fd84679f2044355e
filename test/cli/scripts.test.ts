import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { calcidisc } from '../support/command.js';

/** What `npm run` starts of ours: bench:… and check:…, each with its file. */
const SCRIPTS = Object.entries(
  (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
    .scripts,
).flatMap(([name, line]) => {
  const file = /node (dist\/test\/\S+\.js)/.exec(line)?.[1];
  return file ? [{ name, program: join(projectRoot, file) }] : [];
});

describe('scripts that npm runs', function () {
  this.timeout(60_000);

  it('are there', () => assert.ok(SCRIPTS.length >= 10, `${SCRIPTS.length}`));

  for (const { name, program } of SCRIPTS)
    it(`${name} teaches by --help, and refuses what it does not know`, async () => {
      const [help, unknown] = await Promise.all([
        calcidisc(['--help'], { program }),
        calcidisc(['--no-such-option'], { program }),
      ]);
      assert.equal(help.code, 0, help.stderr);
      assert.match(
        help.stdout,
        new RegExp(name === 'check:real' ? '^Usage: check:real' : `^npm run ${name}`),
      );
      assert.equal(unknown.code, 2, unknown.stderr);
      assert.match(unknown.stderr, /no-such-option/);
      assert.ok(!/\n\s+at /.test(unknown.stderr), unknown.stderr);
      assert.ok(unknown.stderr.trim().split('\n').length === 1, unknown.stderr);
    });
});
