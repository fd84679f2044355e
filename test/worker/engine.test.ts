import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { sha256 } from '../../agent/domain/hash.js';
import { REGION_PIXELS } from '../../agent/domain/regionPicture.js';
import { parseClassifierCard } from '../../models/catalogue/card.js';
import type { ClassifierFile } from '../../models/catalogue/modelFiles.js';
import { type Engine, type Inference, openEngine } from '../../worker/engine.js';
import { fixtureModels, greyRegion, pngOf } from './regions.js';

const silent = pino({ level: 'silent' });
const settings = { provider: 'cpu', batchSize: 16, batchWaitMs: 5, threads: 1 } as const;

async function tinyModel(name = 'tiny-classifier'): Promise<ClassifierFile> {
  const folder = join(fixtureModels, name, '1');
  const card = parseClassifierCard(JSON.parse(await readFile(join(folder, 'card.json'), 'utf8')), 'the card');
  return { path: join(folder, 'model.onnx'), sha256: card.sha256, card };
}

/** What the tiny network computes, by hand (models/training/make_tiny_classifier.py). */
function byHand(grey: Uint8Array): number {
  const values = Array.from(grey, (g) => Math.max(0, g / 255 - 0.5 / 255));
  const brightest = Math.max(...values);
  const mean = values.reduce((a, b) => a + b, 0) / values.length / brightest;
  return 1 / (1 + Math.exp(-(6 - 12 * mean)));
}

describe('the inference engine', () => {
  let engine: Engine;
  let model: ClassifierFile;

  before(async () => {
    engine = openEngine(settings, silent);
    model = await tinyModel();
  });
  after(() => engine.close());

  async function answers(regions: readonly Uint8Array[]): Promise<Inference[]> {
    const batch = await engine.runBatch(model, regions);
    return batch.filter((answer): answer is Inference => !(answer instanceof Error));
  }

  it('gives the probability of the network for each region, in order', async () => {
    const regions = [1, 2, 3, 4, 5].map(greyRegion);
    const answers = await Promise.all(engine.classify(model, regions));
    answers.forEach(({ probability, batchSize, provider, cam }, i) => {
      assert.ok(
        Math.abs(probability - byHand(regions[i]!)) < 1e-5,
        `${probability} is ${byHand(regions[i]!)}`,
      );
      assert.deepEqual([batchSize, provider, cam?.length], [5, 'cpu', 49]);
    });
  });

  it('hands on how far a region is from what the network learnt, region by region; null where it does not say', async () => {
    const doubter = await tinyModel('tiny-doubter');
    const regions = [1, 2, 3].map(greyRegion);
    const spoken = await Promise.all(engine.classify(doubter, regions));
    for (const [i, { distance }] of spoken.entries()) {
      const probability = byHand(regions[i]!);
      const wanted = Math.abs(Math.log(probability / (1 - probability)));
      assert.ok(Math.abs(distance! - wanted) < 1e-4, `${distance} is ${wanted}`);
    }
    assert.deepEqual(
      (await answers(regions)).map(({ distance }) => distance),
      [null, null, null],
    );
  });

  it('gives the same bits at the same place of a batch of the same size, whatever the company', async () => {
    const regions = Array.from({ length: 16 }, (_, i) => greyRegion(i));
    for (const size of [1, 3, 5, 16]) {
      const first = await answers(regions.slice(0, size));
      for (let place = 0; place < size; place++) {
        const company = Array.from({ length: size }, (_, i) =>
          i === place ? regions[i]! : greyRegion(99 + i),
        );
        const { probability, cam, batchPosition } = (await answers(company))[place]!;
        assert.equal(batchPosition, place);
        assert.equal(probability, first[place]!.probability, `place ${place} of ${size}`);
        assert.deepEqual(cam, first[place]!.cam);
      }
    }
  });

  it('fails a region the network has no answer for, and no other', async () => {
    const black = new Uint8Array(REGION_PIXELS);
    const settled = await Promise.allSettled(engine.classify(model, [greyRegion(1), black, greyRegion(2)]));
    assert.deepEqual(
      settled.map((s) => s.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal((settled[1] as PromiseRejectedResult).reason.code, 'REGION_UNCLASSIFIABLE');
  });

  it('opens stored regions; one that is not what was stored fails alone and changes no bit of the others', async () => {
    const greys = [1, 2, 3].map(greyRegion);
    const pngs = await Promise.all(greys.map((grey) => pngOf(grey)));
    const stored = pngs.map((png) => ({ png, pngSha256: sha256(png) }));
    const [first, second, third] = await engine.runBatch(model, [
      stored[0]!,
      { png: pngs[1]!, pngSha256: '0'.repeat(64) },
      stored[2]!,
    ]);
    const whole = await answers(greys);
    assert.equal((second as { code?: string }).code, 'REGION_CORRUPT');
    assert.deepEqual(
      [first, third].map((answer) => (answer as Inference).probability),
      [whole[0]!.probability, whole[2]!.probability],
    );
  });

  it('computes the same bits in every lane', async () => {
    const lanes = openEngine({ ...settings, threads: 2, batchSize: 4, batchWaitMs: 0 }, silent);
    assert.equal(lanes.lanes, 2);
    const region = greyRegion(5);
    const all = await Promise.all(
      lanes.classify(
        model,
        Array.from({ length: 16 }, () => region),
      ),
    );
    await lanes.close();
    const byPlace = new Map<string, number>();
    for (const { batchSize, batchPosition, probability } of all) {
      const place = `${batchPosition} of ${batchSize}`;
      assert.equal(probability, byPlace.get(place) ?? probability, place);
      byPlace.set(place, probability);
    }
  });

  it('refuses a model file that is not the registered one', async () => {
    const other = { ...model, sha256: '0'.repeat(64) };
    await assert.rejects(Promise.all(engine.classify(other, [greyRegion(1)])), {
      code: 'MODEL_HASH_MISMATCH',
    });
  });

  it('says which file is missing, and works again with the next model', async () => {
    const missing = { ...model, path: '/nowhere/model.onnx', sha256: '1'.repeat(64) };
    await assert.rejects(Promise.all(engine.classify(missing, [greyRegion(1)])), {
      code: 'MODEL_MISSING',
      message: /\/nowhere\/model\.onnx/,
    });
    assert.equal((await Promise.all(engine.classify(model, [greyRegion(1)]))).length, 1);
  });

  it('leaves the calling thread free to answer while it computes', async () => {
    const started = performance.now();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await Promise.all(
      engine.classify(
        model,
        Array.from({ length: 64 }, (_, i) => greyRegion(i)),
      ),
    );
    clearInterval(timer);
    assert.ok(turns > 1, `${turns} turns of the event loop in ${performance.now() - started} ms`);
  });

  it('says aloud that CUDA was asked for and is not there, and records the CPU', async function () {
    const lines: string[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
    const wanting = openEngine({ ...settings, provider: 'cuda' }, log);
    const [answer] = await Promise.all(wanting.classify(model, [greyRegion(1)]));
    await wanting.close();
    if (answer?.provider === 'cuda') return this.skip();
    assert.equal(answer?.provider, 'cpu');
    assert.match(lines.join(), /CUDA WAS ASKED FOR/);
  });
});
