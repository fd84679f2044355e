import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openLocator } from '../../agent/locate/pool.js';
import { compileRules } from '../../agent/route/rules.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { type ModelReference, parseClassifierCard } from '../../models/catalogue/card.js';
import { DEFAULT_CLASSIFIER } from '../../models/catalogue/defaultClassifier.js';
import { findModelFile, modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { openEngine } from '../../worker/engine.js';
import { showProgress } from '../progress.js';
import { readFolder } from '../read/folder.js';
import { answerStudies, type StudyAnswer } from '../read/studies.js';
import { parseModel } from './classify.js';

export function register(program: Command): void {
  program
    .command('read')
    .argument('<paths...>', 'DICOM files and folders, of one or more studies')
    .summary('the whole decision for a folder, without a service')
    .description(
      'What the agent would answer to the studies under files and folders: which series may be read and which one is,\n' +
        'which CT it is set against, the flag of each disc. Needs no database; nothing is stored, nothing is sent.\n' +
        'Flags: calcified, not-calcified, indeterminate (nobody is sure), not-assessable (no picture to judge by).\n' +
        'Research software: the answer is no diagnosis.',
    )
    .option(
      '--model <name[@version]>',
      `which classifier (default: ${DEFAULT_CLASSIFIER}); without a version, the highest there is`,
      parseModel,
    )
    .option('--localiser <dir>', 'a folder with model.onnx and card.json instead of the installed localiser')
    .option(
      '--from <ae>',
      'the AE title that is taken to have sent them, for rules that ask for CallingAE',
      '',
    )
    .option(
      '--json',
      'one JSON document: {studies: [{studyInstanceUid, series, why, status, reasons, candidates, others, pairing,\n' +
        'discs: [{level, flag, probability, reasons, ct}]}]}; series is the UID that is read, or null',
    )
    .addHelpText('after', '\nExample:\n  calcidisc read ./patient --json\n')
    .action((paths: string[], options: Options) => run(program, paths, options));
}

interface Options {
  readonly model?: ModelReference;
  readonly localiser?: string;
  readonly from: string;
  readonly json?: boolean;
}

async function run(program: Command, paths: readonly string[], options: Options): Promise<void> {
  const config = loadConfig(process.env, program.opts().config);
  const folder = await readFolder(
    paths.map((path) => resolve(path)),
    compileRules(config.route),
    options.from,
    options.json,
  );
  const log = createLogger({ log: { level: config.log.level === 'debug' ? 'debug' : 'error' } });
  const { localiser } = options;
  const locator = await openLocator(config, log, localiser ? { modelDir: resolve(localiser) } : {});
  const engine = openEngine(config.worker, log);
  try {
    const found = await findModelFile(modelFoldersOf(config), options.model ?? { name: DEFAULT_CLASSIFIER });
    const card = parseClassifierCard(found.card, found.path);
    const classifier = { path: found.path, sha256: card.sha256, card };
    const toRead = folder.series.filter(({ known }) => known.role !== 'ignored').length;
    const progress = showProgress(toRead, 'series looked at', options.json);
    const tools = { config, locator, judge: { engine, classifier }, onRead: progress.at };
    const studies = await answerStudies(folder.series, tools).finally(progress.end);
    console.log(options.json ? JSON.stringify({ studies }, null, 1) : studies.map(inWords).join('\n\n'));
  } finally {
    await Promise.all([locator.close(), engine.close()]);
  }
}

function inWords(study: StudyAnswer): string {
  const { studyInstanceUid, series, why, status, reasons, candidates, others, discs } = study;
  return [
    `Study ${studyInstanceUid}: ${series === null ? why : `series ${series}, levels ${status}`}`,
    ...reasons.map((reason) => `  ! ${reason}`),
    ...candidates
      .filter(({ verdict }) => verdict !== 'chosen')
      .map(
        (each) =>
          `  not read: ${each.seriesNumber ?? '-'} ${JSON.stringify(each.seriesDescription)}: ${each.why}`,
      ),
    ...others.map(({ seriesInstanceUid, role, reason }) => `  ${role}: ${seriesInstanceUid}: ${reason}`),
    ...discs.map(({ level, flag, probability, ct, reasons: whyNot }) => {
      const score = probability === null ? '' : probability.toFixed(3);
      const beside = ct ? `  CT ${ct.label}, ${ct.meanHu?.toFixed(0) ?? '-'} HU` : '';
      return `  ${level}  ${flag.padEnd(15)} ${score.padStart(5)}${beside}${whyNot.length > 0 ? `  ${whyNot[0]}` : ''}`;
    }),
  ].join('\n');
}
