/**
 * `npm run bench:locate -- [--model-dir DIR] [--variants plain,coarse,...] [--out FILE.md] [--sheet FILE.png] DIR...`
 *
 * Locates every series with a truth.json under the folders given and compares: levels, centres, regions, abstention,
 * time. With --model-dir DIR a folder of models (DIR/NAME/model.onnx with card.json), each series is located by one that did not see its
 * patient in training (card.json, trainingData.heldOut); without, by the installed localiser.
 * Variants other than `plain` alter MR series first (locateVariants.ts); masks for `t1-like` come from --masks DIR.
 * `ct-5mm` makes CT series of 5 mm slices.
 *
 * `npm run bench:locate -- --speed [DIR]`: a 15-slice MR and a 300-slice CT against the network's bare passes (DIR keeps the phantom).
 * `npm run bench:locate -- --agree DIR...`: how often MR and CT are said to disagree, rightly and wrongly (agreement.ts).
 * `npm run bench:locate -- --phantoms 200 [--seed-from 1000] [--results FILE.jsonl] [--out FILE.md] [--json FILE]`:
 * levels and calcification labels of drawn spines; with --results a broken run goes on where it ended.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { readHeader } from '../../agent/dicom/header.js';
import { drawResult } from '../../agent/locate/picture.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import type { CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { agreementTable } from './agreement.js';
import { argumentsOf, foldersOf, wholeNumber, wrongUsage } from './arguments.js';
import { flawsOf, summariseSweep, sweepPhantoms, sweepTable, writeSweep } from './locatePhantoms.js';
import { type Score, type Summary, scoreOf, summarise } from './locateScore.js';
import { measureSpeed } from './locateSpeed.js';
import { thickCt } from './locateThick.js';
import { type TrueSeries, trueSeriesUnder } from './locateTruth.js';
import { alteredSeries } from './locateVariants.js';
import { reliabilityTable } from './reliability.js';

const { values: options, positionals } = argumentsOf(import.meta.url, {
  allowPositionals: true,
  options: {
    'model-dir': { type: 'string' },
    variants: { type: 'string', default: 'plain' },
    masks: { type: 'string' },
    out: { type: 'string' },
    sheet: { type: 'string' },
    json: { type: 'string' },
    agree: { type: 'boolean', default: false },
    speed: { type: 'boolean', default: false },
    phantoms: { type: 'string' },
    'seed-from': { type: 'string', default: '1000' },
    results: { type: 'string' },
  },
});

const config = loadConfig(process.env);
const log = createLogger({ log: { level: 'warn' } });

/** A model and the patients whose series it may be measured on; null: anybody's. */
interface FoldModel {
  readonly folder: string | null;
  readonly heldOut: ReadonlySet<string> | null;
}

function modelsOf(root: string | undefined): readonly FoldModel[] {
  if (root === undefined) return [{ folder: null, heldOut: null }];
  if (existsSync(join(root, 'model.onnx'))) return [{ folder: root, heldOut: null }];
  return readdirSync(root)
    .sort()
    .filter((name) => existsSync(join(root, name, 'card.json')))
    .map((name) => {
      const card = JSON.parse(readFileSync(join(root, name, 'card.json'), 'utf8'));
      return {
        folder: join(root, name),
        heldOut: new Set((card.trainingData.heldOut as number[]).map(String)),
      };
    });
}

const locators = new Map<string | null, Promise<Locator>>();
function locatorFor({ folder }: FoldModel): Promise<Locator> {
  if (!locators.has(folder))
    locators.set(folder, openLocator(config, log, folder ? { modelDir: folder } : {}));
  return locators.get(folder)!;
}

/** wrap_dicom.py calls SPIDER's patient 107 SPIDER107; anybody else was in no training. */
async function patientNumber(series: TrueSeries): Promise<string | null> {
  const { patientId } = await readHeader(series.files[0]!);
  return /^SPIDER(\d+)$/.exec(patientId ?? '')?.[1] ?? null;
}

interface Row {
  readonly variant: string;
  readonly score: Score;
  readonly located: Located<LocateResult | CtResult>;
}

async function evaluate(
  series: TrueSeries,
  variant: string,
  models: readonly FoldModel[],
): Promise<Row | null> {
  const patient = await patientNumber(series);
  const model = models.find(({ heldOut }) => heldOut === null || patient === null || heldOut.has(patient));
  if (!model) {
    console.error(`${series.folder}: every model has seen patient ${patient}`);
    return null;
  }
  const isPlain = variant === 'plain';
  const truth = isPlain ? series : await altered(series, variant, patient);
  if (!truth) return null;
  const locator = await locatorFor(model);
  const located = await (truth.modality === 'CT'
    ? locator.measureCt(truth.files)
    : locator.locateMr(truth.files));
  if (!isPlain) await rm(truth.folder, { recursive: true });
  const score = scoreOf(
    patient ?? series.folder.split('/').slice(-2).join('/'),
    truth,
    located,
    config.locate.marginMm,
  );
  const flaw =
    score.wrong.length > 0
      ? `  WRONG ${score.wrong.join()}`
      : score.missed.length > 0
        ? `  missed ${score.missed.join()}`
        : '';
  console.error(
    `${variant} ${score.name}: ${score.status} ${score.right}/${score.present}${flaw} ${score.reasons.join('; ')}`,
  );
  return { variant, score, located };
}

/** The variant of CT series. */
const THICK_CT = 'ct-5mm';

async function altered(
  series: TrueSeries,
  variant: string,
  patient: string | null,
): Promise<TrueSeries | null> {
  if (variant === THICK_CT) return { ...series, ...(await thickCt(series.files, 5)) };
  return alteredSeries(series, variant, maskFinder(series, patient));
}

/** SPIDER's masks bear the slice's number; the series keeps their order, first slice first. */
function maskFinder(series: TrueSeries, patient: string | null): (sopInstanceUid: string) => string | null {
  if (!options.masks || patient === null) return () => null;
  const number = (name: string) => Number(/slice(\d+)/.exec(name)?.[1]);
  const masks = readdirSync(options.masks)
    .filter((name) => name.startsWith(`${patient}_`))
    .sort((a, b) => number(a) - number(b));
  const uids = [...series.discs.keys()];
  const stride = Math.ceil(masks.length / uids.length);
  return (uid) => join(options.masks!, masks[uids.indexOf(uid) * stride]!);
}

const HEAD = [
  'input',
  'series',
  'located',
  'uncertain',
  'not found',
  'located and wrong',
  'outside the study',
  'discs',
  'right',
  'wrong',
  'missed',
  'level right %',
  'centre median mm',
  'centre p95 mm',
  'region IoU median',
  'ms median',
];

function tableRow(name: string, s: Summary): string {
  const percent = s.right + s.wrong > 0 ? ((100 * s.right) / (s.right + s.wrong)).toFixed(1) : '-';
  const cells = [
    name,
    s.series,
    s.located,
    s.uncertain,
    s.notFound,
    s.wrongAndLocated,
    s.outside,
    s.present,
    s.right,
    s.wrong,
    s.missed,
    percent,
    s.medianMm.toFixed(2),
    s.p95Mm.toFixed(2),
    s.medianOverlap.toFixed(3),
    s.medianMs.toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Every series' picture in one: what the numbers cannot say. */
async function writeSheet(path: string, rows: readonly Row[]): Promise<void> {
  const [width, height, across] = [360, 450, 8];
  const tiles = [];
  for (const { located } of rows) {
    const { slicePng, pixelSpacingMm, result } = located;
    if (!slicePng || !pixelSpacingMm) continue;
    const picture = await drawResult(slicePng, pixelSpacingMm, result);
    const tile = await sharp(picture)
      .resize(width, height, { fit: 'contain', background: '#111' })
      .png()
      .toBuffer();
    tiles.push({
      input: tile,
      left: (tiles.length % across) * width,
      top: Math.floor(tiles.length / across) * height,
    });
  }
  const size = {
    width: width * Math.min(across, tiles.length),
    height: height * Math.ceil(tiles.length / across),
  };
  await sharp({ create: { ...size, channels: 3, background: '#111' } })
    .composite(tiles)
    .png()
    .toFile(path);
}

const TRUE_SERIES = 'folders with DICOM series and their truth.json';

async function evaluateFolders(): Promise<void> {
  const models = modelsOf(options['model-dir']);
  const all = foldersOf(positionals, TRUE_SERIES).flatMap(trueSeriesUnder);
  if (all.length === 0) wrongUsage(`There is no truth.json beside a DICOM series: give ${TRUE_SERIES}`);
  const rows: Row[] = [];
  for (const variant of options.variants.split(','))
    for (const series of all) {
      if (variant !== 'plain' && series.modality !== (variant === THICK_CT ? 'CT' : 'MR')) continue;
      const row = await evaluate(series, variant, models);
      if (row) rows.push(row);
    }
  for (const locator of locators.values()) await (await locator).close();
  const lines = [`| ${HEAD.join(' | ')} |`, `|${'---|'.repeat(HEAD.length)}`];
  for (const variant of options.variants.split(',')) {
    const own = rows.filter((row) => row.variant === variant).map(({ score }) => score);
    if (own.length > 0) lines.push(tableRow(variant, summarise(own)));
  }
  const table = `${lines.join('\n')}\n`;
  console.log(table);
  console.log(reliabilityTable(rows.map(({ score }) => score)));
  if (options.out) await writeFile(options.out, table);
  const scores = rows.map(({ variant, score }) => ({ variant, ...score }));
  if (options.json) await writeFile(options.json, JSON.stringify(scores, null, 1));
  if (options.sheet && rows.length > 0) await writeSheet(options.sheet, rows);
}

async function evaluatePhantoms(count: number): Promise<void> {
  const locator = await openLocator(
    config,
    log,
    options['model-dir'] ? { modelDir: options['model-dir'] } : {},
  );
  const from = wholeNumber('seed-from', options['seed-from'], 0);
  const { marginMm } = config.locate;
  const rows = await sweepPhantoms(locator, { from, count, marginMm, results: options.results ?? null });
  await locator.close();
  for (const flaw of flawsOf(rows)) console.error(flaw);
  const table = sweepTable(summariseSweep(rows));
  console.log(table);
  if (options.out) await writeFile(options.out, table);
  if (options.json) await writeSweep(options.json, rows);
}

if (options.speed) await measureSpeed(config, options['model-dir'], options.json, positionals[0]);
else if (options.agree)
  console.log(agreementTable(foldersOf(positionals, TRUE_SERIES).flatMap(trueSeriesUnder)));
else if (options.phantoms !== undefined) await evaluatePhantoms(wholeNumber('phantoms', options.phantoms));
else await evaluateFolders();
