import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { commandsNamed } from '../../cli/commands.js';
import { projectRoot } from '../../config/root.js';
import { valve } from '../deliver/valve.js';
import { invent } from '../query/site.js';

const program = join(projectRoot, 'bin/calcidisc.mjs');

/** A command with its answer going where `stdout` says. */
function run(args: readonly string[], stdout: 'pipe' | number, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CALCIDISC_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return { child, ended };
}

describe('what a script relies on', function () {
  this.timeout(60_000);
  let dir: string;
  let series: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-scripts-'));
    series = join(dir, 'series');
    await mkdir(series);
    for (const [i, file] of invent('MR', 'P1', '20240110').files.entries())
      await writeFile(join(series, `${i}.dcm`), file);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('help shows defaults as they are typed, for every command', async () => {
    const root = new Command('calcidisc');
    for (const register of await commandsNamed([])) register(root);
    const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
    const helps = all(root).map((command) => command.helpInformation());
    assert.ok(helps.length > 30, `${helps.length}`);
    assert.deepEqual(
      helps.filter((help) => /\(default:\s+[[{]|\{"/.test(help)),
      [],
    );
  });

  const FULL = 'calcidisc: the answer cannot be written: ENOSPC: no space left on device, write\n';
  for (const args of [['--version'], ['audit', 'export', '--help'], ['rules', 'test', '$dir', '--json']])
    it(`a full disk is said and ends with 1: ${args.join(' ')}`, async function () {
      if (!existsSync('/dev/full')) return this.skip();
      const given = args.map((word) => word.replace('$dir', series));
      assert.deepEqual(await run(given, openSync('/dev/full', 'w')).ended, { code: 1, stderr: FULL });
    });

  it('a full disk leaves no embedded server behind', async function () {
    if (!existsSync('/dev/full')) return this.skip();
    const data = join(dir, 'data');
    const full = openSync('/dev/full', 'w');
    const { code, stderr } = await run(['migrate'], full, { CALCIDISC_DATA: data }).ended;
    assert.deepEqual({ code, stderr }, { code: 1, stderr: FULL });
    assert.ok(!existsSync(join(data, 'postgres/data/postmaster.pid')));
  });

  it('Ctrl-C is said and ends with 130', async () => {
    const silent = await valve(1);
    const { child, ended } = run(
      ['send', series, '--to', `127.0.0.1:${silent.port}`, '--called', 'PACS'],
      'pipe',
    );
    while (silent.callers() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    assert.deepEqual(await ended, { code: 130, stderr: 'calcidisc: interrupted\n' });
    silent.close();
  });

  it('how far a long reading has come is shown on a terminal, and never in the answer', async function () {
    if (spawnSync('script', ['--version']).error) return this.skip();
    const answer = join(dir, 'answer.json');
    const line = `${process.execPath} ${program} rules test ${series} --json > ${answer}`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    assert.match(stdout, /files read/);
    assert.equal(JSON.parse(await readFile(answer, 'utf8')).series.length, 1);
    const quiet = await run(['rules', 'test', series, '--json'], 'pipe').ended;
    assert.deepEqual(quiet, { code: 0, stderr: '' });
  });
});
