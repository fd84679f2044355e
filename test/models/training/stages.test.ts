import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStage, type Stage } from '../../../models/study/stages.js';
import { followTraining } from '../../../models/study/trainingLines.js';

describe('steps of a study', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-steps-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** A step that adds a line to its output each time it runs, and fails when told to. */
  const step = (inputs: unknown, { resumes = false, fails = false } = {}): Stage => ({
    name: 'a step',
    title: 'a step',
    weight: 1,
    resumes,
    inputs: async () => inputs,
    outputs: [join(dir, 'output')],
    run: async () => {
      await mkdir(join(dir, 'output'), { recursive: true });
      await appendFile(join(dir, 'output', 'lines'), `${inputs}\n`);
      if (fails) throw new Error('cut off');
    },
  });
  const run = async (one: Stage) =>
    (await runStage(one, join(dir), { begins: () => undefined, tell: () => undefined })).kind;
  const lines = () => readFile(join(dir, 'output', 'lines'), 'utf8');

  it('run once for the same inputs', async () => {
    assert.deepEqual([await run(step(1)), await run(step(1)), await lines()], ['done', 'unchanged', '1\n']);
  });

  it('run again for other inputs, on none of the old output', async () => {
    await run(step(1));
    assert.deepEqual([await run(step(2)), await lines()], ['done', '2\n']);
  });

  it('run again when an output was changed or is gone', async () => {
    await run(step(1));
    await writeFile(join(dir, 'output', 'lines'), 'typed over');
    assert.deepEqual([await run(step(1)), await lines()], ['done', '1\n']);
    await rm(join(dir, 'output'), { recursive: true });
    assert.deepEqual([await run(step(1)), existsSync(join(dir, 'output', 'lines'))], ['done', true]);
  });

  it('begin anew when they were cut off, or go on where they can', async () => {
    await assert.rejects(run(step(1, { fails: true })), /cut off/);
    assert.deepEqual([await run(step(1)), await lines()], ['done', '1\n']);
    await assert.rejects(run(step(2, { fails: true, resumes: true })), /cut off/);
    assert.deepEqual([await run(step(2, { resumes: true })), await lines()], ['done', '2\n2\n']);
    await assert.rejects(run(step(3, { fails: true, resumes: true })), /cut off/);
    assert.deepEqual([await run(step(4, { resumes: true })), await lines()], ['done', '4\n']);
  });

  it('run again when the stamp itself was cut off', async () => {
    await run(step(1));
    await writeFile(join(dir, 'stamps', 'a-step.json'), '{"key": "');
    assert.equal(await run(step(1)), 'done');
  });

  it('know from what a training prints how far it is', () => {
    const told: [number, string][] = [];
    const hear = followTraining(4, (fraction, detail) => told.push([fraction, detail]));
    hear('epoch 2 step 30/60 loss 0.6 total 2.0 8.4 regions/s, epoch ends in 12 s');
    hear('epoch 3 of 4 loss 0.5 validation AUC 0.7 best ETA 5 min');
    hear('training [7, 11] validation [35] held out (57,)');
    assert.deepEqual(told, [
      [0.375, 'epoch 2 of at most 4, ends in 12 s'],
      [0.75, 'epoch 3 done, 5 min left at most'],
    ]);
  });
});
