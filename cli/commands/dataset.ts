import type { Command } from 'commander';
import { addCompare, addImport, addMarkups } from '../dataset/drawn.js';
import { addExport } from '../dataset/export.js';
import { addOptOut } from '../dataset/optOut.js';

export function register(program: Command): void {
  const dataset = program
    .command('dataset')
    .description('labelled regions for research: out under pseudonyms, and people’s own rectangles in')
    .addHelpText(
      'after',
      '\nEvery MR that was paired with a CT is a labelled example: the MR shows the disc, the CT says whether it is\n' +
        'calcified. `export` writes them as a folder that `calcidisc evaluate` measures and models/training trains from.\n' +
        'docs/dataset.md tells the whole way, from the first case to a model of your own.\n' +
        '\nExample:\n  $ calcidisc dataset export --out ./set --site north\n' +
        '  $ python -m calcidisc_training.classifier.train_classifier --network resnet34 --dataset ./set --out runs/north\n' +
        '  $ calcidisc dataset import --case 3f2a --reader anna --markups L4-L5.mrk.json',
    );
  addExport(dataset);
  addImport(dataset);
  addCompare(dataset);
  addMarkups(dataset);
  addOptOut(dataset);
}
