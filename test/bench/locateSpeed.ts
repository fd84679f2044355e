import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { measureCt } from '../../agent/locate/ct.js';
import { locateMr } from '../../agent/locate/mr.js';
import { Network, type Picture } from '../../agent/locate/network.js';
import { openLocator } from '../../agent/locate/pool.js';
import { readSeries, type Series } from '../../agent/locate/series.js';
import { createLogger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { findLocaliser, readModel } from '../../models/catalogue/localiser.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { filesIn } from './locateTruth.js';

const SEED = 1000;
const ROUNDS = 7;
/** What is asked for, after decoding, on two cores. */
const LIMITS_S = { MR: 0.8, CT: 6 } as const;

interface Speed {
  readonly input: string;
  /** With the thread's start, the network read and everything compiled for the first time. */
  readonly coldS: number;
  /** Median of the following, after decoding, inside the pool's thread. */
  readonly warmS: number;
  readonly decodeS: number;
  readonly pictures: string;
  /** The same pictures through the same network, nothing else: a median too. */
  readonly bareS: number;
  readonly ratio: number;
  readonly limitS: number;
}

/**
 * Prints how long a 15-slice MR and a 300-slice 512 by 512 CT take, and the network's bare passes beside it.
 * @param kept a folder in which the phantom is drawn and stays, or lies from an earlier run; else a temporary one
 */
export async function measureSpeed(
  config: Config,
  modelDir: string | undefined,
  json: string | undefined,
  kept: string | undefined,
): Promise<void> {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'calcidisc-bench-speed-')));
  try {
    if (!existsSync(join(folder, 'truth.json'))) await drawInto(folder);
    const dir = modelDir ?? (await findLocaliser(config)).folder;
    const speeds = [await speedOf('MR', folder, dir, config), await speedOf('CT', folder, dir, config)];
    console.log(tableOf(speeds));
    if (json)
      await writeFile(json, `${JSON.stringify({ cores: availableParallelism(), speeds }, null, 1)}\n`);
  } finally {
    if (kept === undefined) await rm(folder, { recursive: true });
  }
}

async function drawInto(outDir: string): Promise<void> {
  console.error('drawing a phantom of 15 MR slices and about 300 CT slices');
  await writePhantom({
    outDir,
    seed: SEED,
    calcified: ['L4-L5'],
    mr: { slices: 15, matrix: 448 },
    ct: { sliceMm: 1, spacingMm: 0.45, fieldOfViewMm: 230.4 },
  });
}

async function speedOf(
  modality: 'MR' | 'CT',
  root: string,
  modelDir: string,
  config: Config,
): Promise<Speed> {
  const files = filesIn(join(root, modality.toLowerCase()));
  const pooled = await throughPool(modality, files, modelDir, config);
  const start = performance.now();
  const series = await readSeries(files);
  const decodeS = (performance.now() - start) / 1000;
  const { count, shapes, bareS } = await bareNetwork(modality, series, modelDir, config);
  const { rows, columns } = series.images[0]!.plane;
  return {
    input: `${modality}, ${files.length} slices of ${rows} by ${columns}`,
    ...pooled,
    decodeS,
    pictures: `${count} of ${[...shapes].join(', ')}`,
    bareS,
    ratio: pooled.warmS / bareS,
    limitS: LIMITS_S[modality],
  };
}

/** As the service does it; the first time is cold. */
async function throughPool(
  modality: 'MR' | 'CT',
  files: readonly string[],
  modelDir: string,
  config: Config,
) {
  const log = createLogger({ log: { level: 'warn' } });
  const locator = await openLocator({ ...config, locate: { ...config.locate, threads: 1 } }, log, {
    modelDir,
  });
  const once = async () =>
    modality === 'CT' ? await locator.measureCt(files) : await locator.locateMr(files);
  const start = performance.now();
  const { result } = await once();
  const coldS = (performance.now() - start) / 1000;
  if (result.status !== 'located')
    console.error(`${modality}: ${result.status}, ${result.reasons.join('; ')}`);
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) times.push((await once()).milliseconds / 1000);
  await locator.close();
  return { coldS, warmS: median(times) };
}

/** The tensors that locating this series feeds to the network, run again by themselves. */
async function bareNetwork(modality: 'MR' | 'CT', series: Series, modelDir: string, config: Config) {
  const model = readModel(modelDir);
  const network = await Network.open(model);
  const shapes: [rows: number, columns: number][] = [];
  const mark = network.mark.bind(network);
  network.mark = async (pictures: readonly Picture[], kind: 'MR' | 'CT') => {
    const marked = await mark(pictures, kind);
    shapes.push(...marked.map(({ rows, columns }): [number, number] => [rows, columns]));
    return marked;
  };
  const context = { network, marginMm: config.locate.marginMm, reference: config.reference };
  await (modality === 'CT' ? measureCt(series, context) : locateMr(series, context));
  await network.close();
  const { multipleOf, name } = model.card.input;
  const up = (n: number) => Math.ceil(n / multipleOf) * multipleOf;
  const session = await InferenceSession.create(model.bytes, {
    intraOpNumThreads: availableParallelism(),
    logSeverityLevel: 3,
  });
  const times: number[] = [];
  for (let i = 0; i < ROUNDS + 1; i++) {
    const start = performance.now();
    for (const [rows, columns] of shapes) {
      const [height, width] = [up(rows), up(columns)];
      const input = new Tensor('float32', new Float32Array(height * width), [1, 1, height, width]);
      const output = await session.run({ [name]: input });
      for (const tensor of Object.values(output)) tensor.dispose();
    }
    if (i > 0) times.push((performance.now() - start) / 1000);
  }
  await session.release();
  return {
    count: shapes.length,
    shapes: new Set(shapes.map(([rows, columns]) => `${up(rows)} by ${up(columns)}`)),
    bareS: median(times),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function tableOf(speeds: readonly Speed[]): string {
  const lines = speeds.map(
    ({ input, decodeS, warmS, limitS, coldS, pictures, bareS, ratio }) =>
      `| ${input} | ${decodeS.toFixed(2)} | ${warmS.toFixed(2)} | ${limitS} | ${coldS.toFixed(2)} | ${pictures} | ${bareS.toFixed(2)} | ${ratio.toFixed(2)} |`,
  );
  return [
    `${availableParallelism()} cores; medians of ${ROUNDS}.`,
    '',
    '| input | decoding s | located s, warm | asked for s | first of a process s, decoding included | network pictures | bare network s | ratio |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}
