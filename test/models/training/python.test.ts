import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { runTool } from '../../support/dcmtk.js';
import { needsPeer } from '../../support/peers.js';

const folder = join(projectRoot, 'models/training');
const PYTHON = '/usr/bin/python3';
/** Threads that wait for each other crawl on a busy machine. */
const ENVIRONMENT = {
  OMP_NUM_THREADS: '1',
  PYTHONPATH: folder,
  PYTHONDONTWRITEBYTECODE: '1',
  CALCIDISC_ONNX: 'node',
};
const PYTEST = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--rootdir', folder];
/** Read from the folder: a list written by hand had left two of them out. */
const FILES = readdirSync(join(folder, 'tests')).filter((file) => /^test_\w+\.py$/.test(file));

/** A file's part of pytest's report (JUnit XML): its tests that passed, and what became of the others. */
interface Part {
  readonly passed: number;
  readonly others: readonly string[];
}

/** By file. Each testcase names its module; one that passed has no element of its own for that. */
function partsOf(xml: string): ReadonlyMap<string, Part> {
  const parts = new Map<string, { passed: number; others: string[] }>();
  for (const [, attributes, inside = ''] of xml.matchAll(
    /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const file = `${/(?:^|[".])(test_\w+)/.exec(attributes!)?.[1]}.py`;
    const part = parts.get(file) ?? { passed: 0, others: [] };
    if (/<(failure|error|skipped)\b/.test(inside)) part.others.push(`${attributes} ${inside}`);
    else part.passed += 1;
    parts.set(file, part);
  }
  return parts;
}

describe('training: the Python package with what Debian has', function () {
  this.timeout(1_800_000);
  let parts: ReadonlyMap<string, Part> = new Map();
  let said = '';

  // In one process: to load PyTorch once for each file took as long as many of the tests.
  before(async function () {
    needsPeer(this, 'torch');
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-pytest-'));
    const report = join(dir, 'report.xml');
    const { output } = await runTool(
      PYTHON,
      [...PYTEST, `--junitxml=${report}`, join(folder, 'tests')],
      ENVIRONMENT,
    );
    said = output;
    parts = partsOf(await readFile(report, 'utf8').catch(() => ''));
    await rm(dir, { recursive: true, force: true });
  });

  for (const file of FILES)
    it(file, () => {
      const part = parts.get(file);
      assert.ok(part, `no test of it was run:\n${said}`);
      // What failed, and what was left out.
      assert.deepEqual(part.others, []);
      assert.ok(part.passed > 0, said);
    });
});
