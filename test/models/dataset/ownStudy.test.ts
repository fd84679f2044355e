import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { readModelFolder } from '../../../models/catalogue/modelFiles.js';
import { commandModel, register } from '../../../models/catalogue/registry.js';
import { exportDataset } from '../../../models/dataset/export.js';
import { parseLabels } from '../../../models/evaluation/dataset.js';
import { patientGroups } from '../../../models/study/cards.js';
import { runTool } from '../../support/dcmtk.js';
import { needsPeer } from '../../support/peers.js';
import { exportRequest, openSite, type Site } from './site.js';

const PYTHON = '/usr/bin/python3';
/** Those of 2023 are trained on, the one of 2024 is the test. */
const PATIENTS = [
  { seed: 21, patientId: 'ANNA', calcified: ['L4-L5', 'L5-S1'], mrDate: '20230110', ctDate: '20230120' },
  { seed: 22, patientId: 'BERTA', calcified: ['L3-L4'], mrDate: '20230301', ctDate: '20230301' },
  { seed: 24, patientId: 'CARLA', calcified: [], mrDate: '20230215', ctDate: '20230213' },
  { seed: 26, patientId: 'DORA', calcified: ['L4-L5'], mrDate: '20240305', ctDate: '20240303' },
] as const;

describe("a study of a site's own: from MR and CT by DICOM to a trained network in the registry", function () {
  this.timeout(900_000);
  let site: Site;
  let [dir, set, later] = ['', '', ''];

  const study = (...args: string[]) =>
    runTool(
      process.execPath,
      [join(projectRoot, 'bin', 'calcidisc.mjs'), 'study', '--quick', ...args, '--python', PYTHON],
      { CALCIDISC_ONNX: 'node' },
    );

  before(async function () {
    needsPeer(this, 'python', 'torch');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-own-study-'));
    [set, later] = [join(dir, 'set'), join(dir, 'later')];
    site = await openSite(PATIENTS.map(({ calcified, ...rest }) => ({ ...rest, calcified: [...calcified] })));
    await exportDataset(site, exportRequest(site, { outDir: set, site: 'north', until: '20231231' }));
    await exportDataset(site, exportRequest(site, { outDir: later, site: 'north', since: '20240101' }));
  });
  after(async () => {
    await site?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('trains, exports with a card, measures on the other patients and can be put to work', async () => {
    const out = join(dir, 'out');
    const args = ['--dataset', set, '--test', later, '--networks', 'resnet34', '--simulated', '--out', out];
    const { exitCode, stdout, stderr, output } = await study(...args);
    assert.equal(exitCode, 0, output);
    assert.equal(stdout.trim(), join(out, 'report', 'evaluation.html'));
    assert.match(await readFile(stdout.trim(), 'utf8'), /SIMULATED/);
    assert.match(stderr, /\[1\/3\] training ResNet-34: \d+ s/);

    const tested = parseLabels(await readFile(join(later, 'labels.csv'), 'utf8'), 'later').regions;
    assert.ok(tested.length >= 4, `${tested.length} discs of one patient`);
    const file = await readModelFolder(join(out, 'models', 'resnet34', 'quick'));
    const { training, validation } = patientGroups(file);
    assert.equal(training.length + validation.length, 3);
    assert.ok(!training.concat(validation).includes(tested[0]!.patient));
    assert.equal(file.card.simulated, true);

    const evaluation = JSON.parse(await readFile(join(out, 'report', 'evaluation.json'), 'utf8'));
    assert.equal(evaluation.regions, tested.length);
    assert.equal(evaluation.models[0].name, 'resnet34');
    assert.deepEqual(evaluation.models[0].knownPatients, []);
    const page = await readFile(join(out, 'report', 'evaluation.md'), 'utf8');
    for (const words of [
      /SIMULATED/,
      /A quick run/,
      /How the networks were trained/,
      /onnxruntime-node and PyTorch differ by/,
    ])
      assert.match(page, words);

    await register(site.database.knex, file);
    const reference = { name: 'resnet34', version: 'quick' };
    await commandModel(site.database.knex, [join(out, 'models')], {
      reference,
      to: 'shadow',
      actor: 'user:test',
    });
    assert.equal((await site.database.knex('model').where(reference).first('state')).state, 'shadow');
  });

  it('refuses a test set with patients that were trained on, before anything is trained', async () => {
    const { exitCode, stderr } = await study('--dataset', set, '--test', set, '--out', join(dir, 'same'));
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /3 patients are in both --dataset and --test/);
  });

  it('asks for a test set', async () => {
    const { exitCode, stderr } = await study('--dataset', set);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /--dataset and --test go together/);
  });
});
