import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.js';
import { projectRoot } from '../../../config/root.js';
import { findModelFiles, readModelFolder } from '../../../models/catalogue/modelFiles.js';
import { withEngine } from '../../../models/evaluation/score.js';
import { measureParity } from '../../../models/study/parity.js';
import { NETWORK_NAMES } from '../../../models/study/published.js';

describe('training: onnxruntime-node answers as PyTorch did', function () {
  this.timeout(120_000);
  const config = loadConfig({});

  it('for every committed classifier, within 1e-3 in probability', async () => {
    const { models } = await findModelFiles([join(projectRoot, 'models')]);
    const classifiers = models.filter(({ card }) => NETWORK_NAMES.some((name) => name === card.name));
    assert.ok(classifiers.length > 0, 'a classifier is committed');
    await withEngine(config, async (engine) => {
      for (const file of classifiers) {
        const { largestDifference, regions, tolerance } = await measureParity(engine, file);
        const name = `${file.card.name}@${file.card.version}`;
        assert.ok(regions >= 16 && tolerance <= 1e-3, name);
        assert.ok(largestDifference <= 1e-3, `${name} differs by ${largestDifference}`);
      }
    });
  });

  it('and answers of another model file are refused, those of other weights noticed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-parity-'));
    try {
      const [version] = await readdir(join(projectRoot, 'models', 'resnet34'));
      await cp(join(projectRoot, 'models', 'resnet34', version!), dir, { recursive: true });
      const path = join(dir, 'parity.json');
      const told = JSON.parse(await readFile(path, 'utf8'));
      await withEngine(config, async (engine) => {
        const file = await readModelFolder(dir);
        const shifted = told.probabilities.map((p: number) => p + 0.01);
        await writeFile(path, JSON.stringify({ ...told, probabilities: shifted }));
        assert.ok((await measureParity(engine, file)).largestDifference > 5e-3);
        await writeFile(path, JSON.stringify({ ...told, sha256: '0'.repeat(64) }));
        await assert.rejects(measureParity(engine, file), /another model file/);
        await rm(path);
        await assert.rejects(measureParity(engine, file), /calcidisc_training\.classifier\.parity/);
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
