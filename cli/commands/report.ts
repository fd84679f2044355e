import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readReport, renderReport } from '../../agent/report/tree.js';

export function register(program: Command): void {
  program
    .command('report')
    .summary('print a Structured Report as a tree')
    .description(
      "Reads a DICOM Structured Report (ours or anybody's) and prints what it says, one item a line.\n" +
        "The patient's name is not printed.",
    )
    .argument('<file>', 'a DICOM file')
    .option('--json', 'the whole tree as one JSON document on stdout')
    .option('--images <n>', 'how many images of a series to list before counting the rest', '3')
    .addHelpText('after', '\nExample:\n  calcidisc report ./report.dcm\n')
    .action(async (file: string, options: { json?: boolean; images: string }) => {
      const report = readReport(await readFile(file));
      const maxImages = Math.max(0, Number.parseInt(options.images, 10) || 0);
      console.log(options.json ? JSON.stringify(report, null, 2) : renderReport(report, { maxImages }));
    });
}
