import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { findCase } from '../../db/tables/cases.js';
import { type ComparisonReport, compareRegions, type Summary } from '../../models/dataset/compare.js';
import { importMarkups } from '../../models/dataset/importMarkups.js';
import { templateOf } from '../../models/dataset/template.js';
import { counted, parseName, withDatabase } from './common.js';

export function addImport(dataset: Command): void {
  dataset
    .command('import')
    .description(
      'takes boxes that a person drew in 3D Slicer on a case’s MR as regions, and labels if they wrote any',
    )
    .option('--case <id>', 'whose MR it is; the beginning of the id is enough')
    .option('--study <uid>', 'StudyInstanceUID of the MR, instead of --case')
    .requiredOption('--reader <name>', 'who drew: a name or a code, kept with the regions', parseName)
    .requiredOption('--markups <file...>', '.mrk.json files with ROI markups, one box per disc')
    .option('--json', 'one JSON document: {caseId, reader, regions, stored, passedOver, comparison}')
    .addHelpText(
      'after',
      '\nIn Slicer load the MR series, add a ROI (Markups, type Box), fit it around the disc on the sagittal slice, and\n' +
        'name it after level and label, for example "L4-L5 calcified" or "L5/S1 not calcified"; the description works\n' +
        'too, and without a label only the region is taken. Save as .mrk.json; LPS and RAS are both read. A box that\n' +
        'meets no slice, is turned by more than 15°, or has no level is refused, and then nothing is stored. Drawing\n' +
        'again adds a newer region; the older one stays on record.\n' +
        '`calcidisc dataset markups CASE` writes such a file with what the localiser found, to be corrected.\n' +
        '\nExample:\n  $ calcidisc dataset import --case 3f2a --reader anna --markups *.mrk.json',
    )
    .action(runImport);
}

export function addCompare(dataset: Command): void {
  dataset
    .command('compare')
    .description(
      'drawn regions beside the localiser’s: intersection over union by level, and labels beside the CT’s',
    )
    .option('--case <id>', 'only this case')
    .option('--reader <name>', 'only this reader', parseName)
    .option('--json', 'one JSON document: {regions, iou, byLevel, labels}')
    .action(runCompare);
}

export function addMarkups(dataset: Command): void {
  dataset
    .command('markups <case>')
    .description('writes the localiser’s regions of a case as 3D Slicer boxes, for a person to correct')
    .requiredOption('--out <file>', 'a new .mrk.json file')
    .addHelpText(
      'after',
      '\nNames hold the level alone: whoever labels should not see what the model or the CT said. Someone who starts\n' +
        'from these boxes is not independent of them: compare only those who drew their own.',
    )
    .action(runMarkups);
}

interface ImportOptions {
  readonly case?: string;
  readonly study?: string;
  readonly reader: string;
  readonly markups: readonly string[];
  readonly json?: boolean;
}

async function runImport(options: ImportOptions, command: Command): Promise<void> {
  const { reader, markups: files, json, case: caseId, study } = options;
  if ((caseId === undefined) === (study === undefined))
    command.error('error: give either --case or --study', { exitCode: 2 });
  await withDatabase(command, async ({ config, database, actor }) => {
    const target = caseId === undefined ? { studyInstanceUid: study! } : { caseId };
    const imported = await importMarkups({ config, database }, { ...target, reader, files, actor });
    const comparison = await compareRegions({ config, database }, { caseId: imported.caseId, reader });
    if (json) return console.log(JSON.stringify({ ...imported, comparison }));
    const { regions, stored, passedOver } = imported;
    console.log(
      `${counted(stored, 'region')} stored for case ${imported.caseId} by ${reader}` +
        `${stored < regions.length ? `; ${regions.length - stored} had come with the same file before` : ''}` +
        `${passedOver > 0 ? `; ${counted(passedOver, 'markup')} passed over, not a box` : ''}`,
    );
    console.log(inWords(comparison));
  });
}

async function runCompare(
  { case: prefix, reader, json }: { case?: string; reader?: string; json?: boolean },
  command: Command,
): Promise<void> {
  await withDatabase(command, async ({ config, database }) => {
    const row = prefix === undefined ? null : await findCase(database.knex, prefix);
    if (prefix !== undefined && !row) throw new CalcidiscError('CASE_NOT_FOUND', `no case ${prefix}`);
    const filter = { ...(row && { caseId: row.id }), ...(reader !== undefined && { reader }) };
    const report = await compareRegions({ config, database }, filter);
    console.log(json ? JSON.stringify(report) : inWords(report));
  });
}

async function runMarkups(caseId: string, { out }: { out: string }, command: Command): Promise<void> {
  if (!out.endsWith('.mrk.json'))
    throw new InvalidArgumentError('Slicer opens files that end with .mrk.json.');
  await withDatabase(command, async ({ config, database, actor }) => {
    const { text, regions } = await templateOf({ config, database }, { caseId, actor });
    await writeFile(out, text, { flag: 'wx' });
    console.log(`the regions of ${counted(regions, 'disc')} in ${out}`);
  });
}

function inWords({ regions, iou, byLevel, labels }: ComparisonReport): string {
  const rows = regions.map(
    ({ caseId, reader, level, iou: own, fitsBetter, isSameImage, readerLabel, ctLabel }) =>
      [
        `  ${caseId.slice(0, 8)}  ${reader.padEnd(12)}  ${level}  IoU ${own === null ? '  – ' : own.toFixed(2)}`,
        readerLabel ? `reader ${readerLabel}` : null,
        ctLabel ? `CT ${ctLabel}` : null,
        isSameImage ? null : 'drawn on another slice',
        fitsBetter ? `FITS ${fitsBetter} BETTER: is it named rightly?` : null,
      ]
        .filter((part) => part !== null)
        .join(', '),
  );
  const levels = Object.entries(byLevel)
    .filter(([, { count }]) => count > 0)
    .map(([level, summary]) => `  ${level}  ${summaryText(summary)}`);
  return [
    ...rows,
    `IoU with the automatic regions: ${summaryText(iou)}`,
    ...levels,
    ...(labels.both > 0 ? [`reader and CT agree on ${labels.agree} of ${labels.both} labels`] : []),
  ].join('\n');
}

function summaryText({ count, mean, median, least }: Summary): string {
  if (mean === null || median === null || least === null) return 'none to compare';
  return `${count} compared, mean ${mean.toFixed(3)}, median ${median.toFixed(3)}, least ${least.toFixed(3)}`;
}
