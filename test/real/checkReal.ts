import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { storeFiles } from '../../agent/deliver/scu.js';
import { asTable } from '../../cli/demo/table.js';
import { parseConfig } from '../../config/load.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { startCalcidisc } from '../support/calcidiscProcess.js';
import { quietLog } from '../support/database.js';
import { storescu } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { hasPeer } from '../support/peers.js';
import { collectReports, type Delivered } from './collect.js';
import { readSeriesFolders, type SeriesFolder } from './folders.js';
import { againstTruth } from './truth.js';

interface Options {
  readonly out: string;
  readonly localiser: string;
  readonly wait: string;
}

const program = new Command('check:real')
  .description(
    'Sends folders of DICOM series to a running Calcidisc with a real Orthanc as its PACS, waits for the reports to ' +
      'come back into Orthanc, validates each with dciodvfy, and writes reports and pictures.',
  )
  .argument('<dir...>', 'folders of DICOM series, any depth; a truth.json beside the images is compared with')
  .option('--out <dir>', 'where reports and pictures go', 'out/check-real')
  .option(
    '--localiser <name[@version]>',
    'which localiser, for patients that one of them was trained on',
    'localiser',
  )
  .option('--wait <seconds>', 'how long to wait for the last report', '180')
  .addHelpText(
    'after',
    `
Example, patients that the first localiser never saw:
  npm run check:real -- ./real --localiser localiser@1`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(checkReal);

await program.parseAsync().catch((error: Error) => {
  console.error(`check:real: ${error.message}`);
  process.exit(1);
});

async function checkReal(dirs: string[], options: Options): Promise<void> {
  for (const peer of ['orthanc', 'dicom3tools'] as const)
    if (!hasPeer(peer)) throw new Error(`check:real needs ${peer}: apt-get install ${peer}`);
  const folders = await readSeriesFolders(dirs);
  if (folders.length === 0) throw new Error('there is no DICOM series in these folders');
  const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-real-'));
  const orthanc = await startOrthanc();
  const out = resolve(options.out);
  await mkdir(out, { recursive: true });
  try {
    const delivered = await run(folders, { dataDir, orthanc, out, options });
    process.exitCode = report(delivered, folders) ? 0 : 1;
    console.log(`Reports and pictures: ${options.out}`);
  } finally {
    await orthanc.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Stage {
  readonly dataDir: string;
  readonly orthanc: RunningOrthanc;
  readonly out: string;
  readonly options: Options;
}

async function run(folders: readonly SeriesFolder[], stage: Stage): Promise<Delivered[]> {
  const { dataDir, orthanc, options } = stage;
  const config = {
    dataDir,
    dicom: { port: 0 },
    http: { port: 0 },
    locate: { model: options.localiser },
    route: {
      destinations: [{ name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort }],
    },
  };
  const up = await startCalcidisc('up', config);
  const database = await openDatabase(parseConfig(config), quietLog);
  try {
    // CT first, as a site's archive would have it when the MR comes.
    for (const folder of folders.toSorted((a, b) => (a.modality < b.modality ? -1 : 1)))
      await send(folder, up.dicomPort);
    const expected = folders.filter(({ modality }) => modality === 'MR').length;
    await untilReported(database, expected, Number(options.wait) * 1000);
    return await collectReports(database, orthanc, stage.out);
  } finally {
    await database.close();
    await up.stop();
    await writeFile(join(stage.out, 'calcidisc.log'), up.output());
  }
}

async function send({ path, modality, files }: SeriesFolder, port: number): Promise<void> {
  console.log(`${modality} ${files.length} images  ${path}`);
  if (hasPeer('dcmtk')) {
    const { exitCode, output } = await storescu({ port, paths: files });
    if (exitCode !== 0) throw new Error(`storescu ended with ${exitCode}:\n${output}`);
    return;
  }
  await storeFiles({ host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'CHECKREAL', files });
}

async function untilReported({ knex }: Database, expected: number, limitMs: number): Promise<void> {
  const until = Date.now() + limitMs;
  for (let told = ''; Date.now() < until; ) {
    const rows: { state: string; count: string }[] = await knex('case')
      .groupBy('state')
      .select('state')
      .count('* as count');
    const line = rows.map(({ state, count }) => `${count} ${state}`).join(', ');
    if (line !== told) console.log(`  ${line || 'no case yet'}`);
    told = line;
    const ended = rows.filter(({ state }) => state === 'delivered' || state === 'parked');
    if (ended.reduce((sum, { count }) => sum + Number(count), 0) >= expected) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`not every case was reported within ${limitMs / 1000} s`);
}

/** @returns whether all is as it must be */
function report(delivered: readonly Delivered[], folders: readonly SeriesFolder[]): boolean {
  let isGood = delivered.length > 0;
  for (const each of delivered) {
    console.log(`\n${each.title}`);
    console.log(asTable(['disc', 'confidence', 'P(calcified)', 'CT', 'CT mean'], each.rows));
    const truth = againstTruth(each, folders);
    for (const line of [...truth.lines, ...each.problems]) console.log(`  ${line}`);
    isGood &&= truth.isRight && each.problems.length === 0;
  }
  console.log(isGood ? '\nAll reports are in the PACS and valid.' : '\nNot all is as it must be: see above.');
  return isGood;
}
