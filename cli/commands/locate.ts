import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { confidenceWord } from '../../agent/domain/levelConfidence.js';
import { drawResult } from '../../agent/locate/picture.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import type { CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { oneSeriesUnder } from '../series.js';

export interface LocateOptions {
  readonly json?: boolean;
  readonly png?: string;
  readonly model?: string;
}

export function register(program: Command): void {
  addLocateOptions(
    program
      .command('locate')
      .summary('find the lumbar discs in one MR or CT series')
      .description(
        'Finds the mid-sagittal slice and the discs L1-L2 to L5-S1 of one MR or CT series (a file or a folder).\n' +
          'Status "located": the levels are taken as facts. "uncertain": they are not, and the reasons say why.\n' +
          '"not-found": no lumbar disc, or nothing that can be read; that is an answer too, with exit code 0.',
      ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc locate ./mr --json\n  calcidisc locate ./mr --png ./pictures\n',
    )
    .action((path: string, options: LocateOptions) =>
      runLocate(program, path, options, (locator, files, modality) =>
        modality === 'CT' ? locator.measureCt(files) : locator.locateMr(files),
      ),
    );
}

export function addLocateOptions(command: Command): Command {
  return command
    .argument('<path>', 'a DICOM file, or a folder with the files of one series')
    .option('--json', 'one JSON document on stdout')
    .option('--png <dir>', 'write the picture with boxes, levels and confidences there, and the regions')
    .option('--model <dir>', 'a folder with model.onnx and card.json instead of the installed localiser');
}

type Find = (
  locator: Locator,
  files: readonly string[],
  modality: string | null,
) => Promise<Located<LocateResult | CtResult>>;

/** What `locate` and `ct` share: one series in, one result out. */
export async function runLocate(
  program: Command,
  path: string,
  options: LocateOptions,
  find: Find,
): Promise<void> {
  const config = loadConfig(process.env, program.opts().config);
  const { files, modality } = await oneSeriesUnder(resolve(path), options.json);
  if (modality !== 'MR' && modality !== 'CT')
    throw new CalcidiscError('NOT_ONE_SERIES', `the series is ${modality ?? 'of no'} modality, not MR or CT`);
  const log = createLogger({ log: { level: config.log.level === 'debug' ? 'debug' : 'warn' } });
  const locator = await openLocator(config, log, options.model ? { modelDir: resolve(options.model) } : {});
  try {
    const located = await find(locator, files, modality);
    if (options.png) await writePictures(options.png, located);
    console.log(options.json ? JSON.stringify(located.result, null, 1) : table(located));
  } finally {
    await locator.close();
  }
}

async function writePictures(folder: string, located: Located<LocateResult | CtResult>): Promise<void> {
  const { result, slicePng, pixelSpacingMm, regions } = located;
  if (!slicePng || !pixelSpacingMm) return;
  await mkdir(folder, { recursive: true });
  const name = `${result.modality.toLowerCase()}-${result.seriesInstanceUid.slice(-12)}`;
  await writeFile(join(folder, `${name}.png`), await drawResult(slicePng, pixelSpacingMm, result));
  for (const { level, png } of regions) await writeFile(join(folder, `${name}-${level}.png`), png);
}

function table({ result, milliseconds }: Located<LocateResult | CtResult>): string {
  const { status, reasons, slice, discs } = result;
  const head = `${result.modality} ${result.seriesInstanceUid}: ${status} in ${Math.round(milliseconds)} ms`;
  const where = slice ? [`slice ${slice.index + 1} of ${slice.count}, ${slice.sopInstanceUid}`] : [];
  const rows = discs.map((disc) => {
    const centre = disc.centrePatientMm.map((mm) => mm.toFixed(1).padStart(8)).join('');
    const sure = status === 'located' ? confidenceWord(disc.confidence) : 'in doubt';
    const hu =
      'label' in disc
        ? `  ${disc.label.padEnd(14)}${disc.meanHu?.toFixed(0) ?? '-'} HU mean, ${disc.maxHu?.toFixed(0) ?? '-'} max, ${disc.areaMm2.toFixed(0)} mm2`
        : '';
    return `  ${disc.level}  ${sure.padStart(8)}  centre${centre} mm${hu}`;
  });
  return [
    head,
    ...reasons.map((reason) => `  ! ${reason}`),
    ...where.map((line) => `  ${line}`),
    ...rows,
  ].join('\n');
}
