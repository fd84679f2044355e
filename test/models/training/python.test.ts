import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
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

describe('training: the Python package with what Debian has', function () {
  this.timeout(900_000);

  for (const file of FILES)
    it(file, async function () {
      needsPeer(this, 'torch');
      const { exitCode, output } = await runTool(
        PYTHON,
        [...PYTEST, join(folder, 'tests', file)],
        ENVIRONMENT,
      );
      assert.equal(exitCode, 0, output);
      assert.match(output, /[1-9]\d* passed/, 'tests were run');
      assert.doesNotMatch(output, /skipped/, 'nothing is left out');
    });
});
