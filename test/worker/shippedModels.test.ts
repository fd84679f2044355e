import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pino } from 'pino';
import { projectRoot } from '../../config/root.js';
import { parseClassifierCard } from '../../models/catalogue/card.js';
import { findModelFiles } from '../../models/catalogue/modelFiles.js';
import { type Inference, openEngine } from '../../worker/engine.js';
import { greyRegion } from './regions.js';

describe('the classifiers that ship', function () {
  this.timeout(180_000);

  it('have the file their card says, and answer every region the same in any company', async () => {
    const { models, refused } = await findModelFiles([join(projectRoot, 'models')]);
    assert.deepEqual(
      refused.map(({ folder, error }) => `${folder}: ${error.message}`),
      [],
    );
    const settings = { provider: 'cpu', batchSize: 16, batchWaitMs: 1 } as const;
    const engine = openEngine(settings, pino({ level: 'silent' }));
    for (const { path, card } of models.filter((model) => model.card.kind === 'classifier')) {
      const classifier = { path, sha256: card.sha256, card: parseClassifierCard(card, path) };
      const run = async (seeds: readonly number[]) =>
        (await engine.runBatch(classifier, seeds.map(greyRegion))) as Inference[];
      const [first, second] = [await run([1, 2, 3, 4, 5]), await run([9, 2, 8, 4, 7])];
      for (const { probability, cam } of first) {
        assert.ok(probability >= 0 && probability <= 1, card.name);
        assert.ok(cam === null || (cam.length === 49 && cam.every(Number.isFinite)), card.name);
      }
      for (const place of [1, 3]) {
        assert.equal(second[place]!.probability, first[place]!.probability, `${card.name}, place ${place}`);
        assert.deepEqual(second[place]!.cam, first[place]!.cam);
      }
      const { simulated } = card.trainingData as { simulated?: boolean };
      assert.equal(simulated, true, `${card.name} says that its calcifications are simulated`);
    }
    await engine.close();
  });
});
