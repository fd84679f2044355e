import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { addLocateOptions, type LocateOptions, runLocate } from './locate.js';

export function register(program: Command): void {
  addLocateOptions(
    program
      .command('ct')
      .summary('measure the lumbar discs of one CT series: the Hounsfield reference')
      .description(
        'Finds the discs L1-L2 to L5-S1 in a sagittal reformat of one CT series and measures each: calcified when\n' +
          'connected voxels between 120.1 and 383.7 HU (the study; reference.huLow and huHigh in the configuration)\n' +
          'lie inside the disc or behind it, end plates and vertebrae excluded.',
      ),
  )
    .addHelpText('after', '\nExample:\n  calcidisc ct ./ct --json\n')
    .action((path: string, options: LocateOptions) =>
      runLocate(program, path, options, (locator, files, modality) => {
        if (modality !== 'CT')
          throw new CalcidiscError('NOT_ONE_SERIES', `the series is ${modality}, not CT`);
        return locator.measureCt(files);
      }),
    );
}
