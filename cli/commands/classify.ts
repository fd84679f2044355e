import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ANSWER_WORDS, isStated } from '../../agent/domain/answers.js';
import { asCalcidiscError, CalcidiscError } from '../../agent/domain/errors.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { type ModelReference, parseClassifierCard, parseReference } from '../../models/catalogue/card.js';
import { type ClassifierFile, findModelFile, modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { decideSpine, type Judged } from '../../worker/answer.js';
import { openEngine } from '../../worker/engine.js';
import { decodeRegion } from '../../worker/region.js';

export function register(program: Command): void {
  program
    .command('classify <roi...>')
    .description(
      'classifies regions as the worker would: 8-bit grey PNG files of exactly 224 by 224 pixels, a disc with 10 mm ' +
        'above and below it. Needs no database. Research software: the answer is no diagnosis',
    )
    .addOption(
      new Option(
        '--model <name[@version]>',
        'which classifier of models/; without a version, the highest there is',
      )
        .argParser(parseModel)
        // Said apart: commander would print the object.
        .default({ name: 'resnet34' }, 'resnet34'),
    )
    .option(
      '--one-spine',
      'the files are the discs of one spine, and are held against one another as the agent does',
    )
    .option(
      '--json',
      'one JSON document: [{file, probability, calcified, model, sha256, answer, reasons, alone}], sha256 of the model ' +
        'file, alone: what the network gave before the discs of a spine were held against one another, or null',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ calcidisc classify l4l5.png l5s1.png --model densenet121 --json\n' +
        '  $ calcidisc classify --one-spine l1l2.png l2l3.png l3l4.png l4l5.png l5s1.png\n' +
        "\nThe threshold is the one on the model's card (models/NAME/VERSION/card.json).",
    )
    .action(run);
}

interface Options {
  readonly model: ModelReference;
  readonly oneSpine?: boolean;
  readonly json?: boolean;
}

interface Answered extends Judged {
  readonly file: string;
  /** What the answer states; null where it states nothing. */
  readonly calcified: boolean | null;
  readonly model: string;
  readonly sha256: string;
}

async function run(
  files: readonly string[],
  { model, oneSpine, json }: Options,
  command: Command,
): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const found = await findModelFile(modelFoldersOf(config), model);
  const card = parseClassifierCard(found.card, found.path);
  const classifier: ClassifierFile = { path: found.path, sha256: card.sha256, card };
  const greys = await Promise.all(files.map(readRegion));
  const engine = openEngine(config.worker, createLogger({ log: { level: 'error' } }));
  try {
    const inferences = await Promise.all(engine.classify(classifier, greys));
    const judged = oneSpine
      ? decideSpine(inferences, card)
      : inferences.flatMap((inference) => decideSpine([inference], card));
    const answers = judged.map(({ probability, alone, ...decision }, i): Answered => {
      const calcified = isStated(decision.answer) ? decision.answer === 'calcified' : null;
      const by = { model: card.name, sha256: card.sha256 };
      return { file: files[i]!, probability, calcified, ...by, ...decision, alone };
    });
    console.log(json ? JSON.stringify(answers) : inWords(answers, classifier));
  } finally {
    await engine.close();
  }
}

async function readRegion(file: string): Promise<Uint8Array> {
  try {
    return await decodeRegion(await readFile(file));
  } catch (error) {
    const { code, message } = asCalcidiscError(error);
    throw new CalcidiscError(code, `${file}: ${message}`, {}, { cause: error });
  }
}

function inWords(answers: readonly Answered[], { card }: ClassifierFile): string {
  return [
    ...answers.map(({ file, probability, answer, reasons }) =>
      [probability.toFixed(4), ANSWER_WORDS[answer].toLowerCase().padEnd(14), file, ...reasons].join('  '),
    ),
    `${card.name}@${card.version}, threshold ${card.threshold}. Research software, not a medical device.`,
  ].join('\n');
}

export function parseModel(text: string): ModelReference {
  if (/^[\w.-]+(@[\w.-]+)?$/.test(text)) return parseReference(text);
  throw new InvalidArgumentError('It is NAME or NAME@VERSION.');
}
