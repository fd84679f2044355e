import assert from 'node:assert/strict';
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

const TORCH_TESTS = [
  ...['test_spider', 'test_augment', 'test_localiser', 'test_networks', 'test_classifier', 'test_search'],
];

describe('training: the Python package with what Debian has', function () {
  this.timeout(900_000);

  for (const file of ['test_roi', 'test_simulate', 'test_dataset'])
    it(`${file}, numpy and Pillow only`, async function () {
      needsPeer(this, 'python');
      const args = ['-m', 'unittest', 'discover', '-s', join(folder, 'tests'), '-p', `${file}.py`];
      const { exitCode, output } = await runTool(PYTHON, args, ENVIRONMENT);
      assert.equal(exitCode, 0, output);
      assert.match(output, /Ran [1-9]\d* tests/, 'tests were run');
    });

  for (const file of TORCH_TESTS)
    it(`${file}, with PyTorch`, async function () {
      needsPeer(this, 'torch');
      const args = [
        '-m',
        'pytest',
        '-q',
        '-p',
        'no:cacheprovider',
        '--rootdir',
        folder,
        join(folder, 'tests', `${file}.py`),
      ];
      const { exitCode, output } = await runTool(PYTHON, args, ENVIRONMENT);
      assert.equal(exitCode, 0, output);
      assert.match(output, /[1-9]\d* passed/, 'tests were run');
      assert.doesNotMatch(output, /skipped/, 'nothing is left out');
    });
});
