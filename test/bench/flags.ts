/**
 * `npm run bench:flags -- --slices OUT DIR...`: what the deployed localiser sees of every slice, for training.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { newestModelDir, readModel } from '../../agent/locate/model.js';
import { Network } from '../../agent/locate/network.js';
import { loadConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { readSlices } from './flags/readSlices.js';
import { writeSlices } from './flags/writeSlices.js';
import { filesIn } from './locateTruth.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { slices: { type: 'string' } },
});

/** Every folder at or below `root` that holds DICOM files: one series each. */
function seriesUnder(root: string): string[] {
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = filesIn(root).length > 0 ? [root] : [];
  return [...own, ...below.map(({ name }) => join(root, name)).flatMap(seriesUnder)].sort();
}

async function keepSlices(out: string): Promise<void> {
  const config = loadConfig(process.env);
  const network = await Network.open(readModel(newestModelDir(join(projectRoot, 'models'), config.locate.model)));
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

if (options.slices) await keepSlices(options.slices);
