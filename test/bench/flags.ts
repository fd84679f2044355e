/**
 * `npm run bench:flags -- [--networks resnet34,densenet121,mobilevit_s] [--variants plain,painted-unseen] [--models DIR]
 *   [--results FILE.jsonl] [--limit SERIES] [--json] DIR...`
 *
 * Is a flag worth looking at? Each DIR is a source: series of real, untouched lumbar MR below it, a folder a series.
 * They go the deployed way: DICOM, locate, region, network at its threshold. Variants make a series into another first
 * (models/training, sets/alter_stack.py; needs Python with numpy, scipy and Pillow):
 *   plain             as it is: whatever is flagged is a false alarm, but for the few per cent that are calcified
 *   thick             slices averaged to 4.5 mm
 *   scanner-1 …       another scanner, drawn at random; thick-scanner-1 … of thick slices
 *   painted-seen      calcified protrusions painted into every disc by the training's painters
 *   painted-unseen    by a painter that no training sees; with -thick or -scanner-N behind it of such a series
 *   trace             painted, and no calcification
 * With --results a broken run goes on where it ended. --json: the summaries as the last line.
 *
 * `npm run bench:flags -- --slices OUT DIR...`: what the deployed localiser sees of every slice, for training.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { Network } from '../../agent/locate/network.js';
import { openLocator } from '../../agent/locate/pool.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { projectRoot } from '../../config/root.js';
import { parseClassifierCard, parseReference } from '../../models/catalogue/card.js';
import { findLocaliser, readModel } from '../../models/catalogue/localiser.js';
import { findModelFile } from '../../models/catalogue/modelFiles.js';
import { decideSpine, type Judged } from '../../worker/answer.js';
import { openEngine } from '../../worker/engine.js';
import { argumentsOf, foldersOf, wholeNumber } from './arguments.js';
import { cleanOf, HeardSeries, type Tools } from './flags/hear.js';
import { readSlices } from './flags/readSlices.js';
import { summarise, type Told, tableOf } from './flags/tally.js';
import { writeSlices } from './flags/writeSlices.js';
import { filesIn } from './locateTruth.js';

const { values: options, positionals } = argumentsOf(import.meta.url, {
  allowPositionals: true,
  options: {
    slices: { type: 'string' },
    networks: { type: 'string', default: 'resnet34' },
    variants: { type: 'string', default: 'plain,painted-seen,painted-unseen' },
    models: { type: 'string', default: join(projectRoot, 'models') },
    results: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const roots = foldersOf(positionals, 'folders of DICOM series, a folder a source');
const limit = options.limit === undefined ? undefined : wholeNumber('limit', options.limit);
const config = loadConfig(process.env);
const log = createLogger({ log: { level: 'warn' } });
/** Every folder at or below `root` that holds DICOM files: one series each. */
function seriesUnder(root: string): string[] {
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = filesIn(root).length > 0 ? [root] : [];
  return [...own, ...below.map(({ name }) => join(root, name)).flatMap(seriesUnder)].sort();
}

async function openNetwork(): Promise<Network> {
  return Network.open(readModel((await findLocaliser(config)).folder));
}

async function keepSlices(out: string): Promise<void> {
  const network = await openNetwork();
  for (const root of positionals)
    for (const folder of seriesUnder(root)) {
      const to = join(out, relative(resolve(root, '..'), folder));
      if (existsSync(join(to, 'stack.json'))) continue;
      const stack = await readSlices(filesIn(folder), network);
      await writeSlices(to, stack);
      const discs = stack.slices.reduce((sum, slice) => sum + slice.discs.length, 0);
      console.error(`${to}: ${stack.status}, ${stack.slices.length} slices, ${discs} regions`);
    }
  await network.close();
}

/** A painted disc is held against its neighbours as they were before: one calcified disc in a spine, not five. */
async function tellSeries(source: string, series: string, variant: string, heard: HeardSeries, tools: Tools) {
  const [discs, clean] = [await heard.hear(variant), await heard.hear(cleanOf(variant))];
  if (!discs || !clean) return [];
  const told: Told[] = [];
  for (const [by, { card }] of tools.classifiers.entries())
    for (const { level, spoken, painted } of discs) {
      const others = clean.filter((other) => other.level !== level).map((other) => other.spoken[by]!);
      const [{ answer, probability, alone }] = decideSpine([spoken[by]!, ...others], card) as [Judged];
      const network = `${card.name}@${card.version}`;
      const { distance } = spoken[by]!;
      told.push({ source, series, variant, network, level, answer, probability, alone, distance, painted });
    }
  return told.filter(({ painted }) => !/painted/.test(variant) || painted !== null);
}

async function openTools(): Promise<Tools> {
  const named = options.networks.split(',').map(parseReference);
  const found = await Promise.all(named.map((reference) => findModelFile([options.models], reference)));
  const classifiers = found.map(({ path, card }) => ({
    path,
    sha256: card.sha256,
    card: parseClassifierCard(card, path),
  }));
  const locator = await openLocator(config, log);
  return { locator, engine: openEngine(config.worker, log), classifiers, network: await openNetwork() };
}

/** What an earlier run found, by source, series and variant. */
function kept(): Told[] {
  if (!options.results || !existsSync(options.results)) return [];
  return readFileSync(options.results, 'utf8')
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => JSON.parse(line).told as Told[]);
}

async function measure(): Promise<void> {
  const tools = await openTools();
  const all = kept();
  const done = new Set(all.map(({ source, series, variant }) => [source, series, variant].join('\n')));
  for (const root of roots)
    for (const folder of seriesUnder(root).slice(0, limit)) {
      const source = basename(resolve(root));
      const scratch = await mkdtemp(join(tmpdir(), 'calcidisc-bench-flags-'));
      const heard = new HeardSeries(folder, scratch, tools);
      for (const variant of options.variants.split(',')) {
        if (done.has([source, basename(folder), variant].join('\n'))) continue;
        const told = await tellSeries(source, basename(folder), variant, heard, tools);
        all.push(...told);
        if (options.results) appendFileSync(options.results, `${JSON.stringify({ told })}\n`);
        const flagged = told.filter(({ answer }) => answer === 'calcified').length;
        console.error(`${folder} ${variant}: ${flagged} of ${told.length} flagged`);
      }
      await rm(scratch, { recursive: true });
    }
  await Promise.all([tools.engine.close(), tools.locator.close(), tools.network.close()]);
  const summaries = summarise(all);
  console.log(tableOf(summaries));
  if (options.json) console.log(JSON.stringify(summaries));
}

if (options.slices) await keepSlices(options.slices);
else await measure();
