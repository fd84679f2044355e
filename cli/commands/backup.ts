import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { version } from '../../config/version.js';
import { dumpDatabase } from '../../db/backup/dump.js';
import { appendAudit } from '../../db/tables/audit.js';
import { commandActor } from '../actor.js';
import { MANIFEST_FILE, type Manifest } from '../backup/manifest.js';
import { copySpool, listSpool } from '../backup/spoolFiles.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { onInterrupt } from '../interrupt.js';

interface Options {
  readonly spool: 'copy' | 'list';
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('backup')
    .argument('<dir>', 'a folder that is not there yet, or is empty')
    .description(
      'Writes everything that has to outlive a machine into a folder, while the service goes on: the database as of\n' +
        'one moment, the images, the models that were added, the key of the pseudonyms, the files of rows that a policy\n' +
        'took out of the trail. With the embedded database and with a server of your own. The folder appears whole or\n' +
        'not at all.',
    )
    .addOption(
      new Option(
        '--spool <how>',
        'copy the images, or only list them where they are backed up by other means',
      )
        .choices(['copy', 'list'])
        .default('copy'),
    )
    .option('--json', 'one JSON document on stdout: the manifest')
    .addHelpText(
      'after',
      '\nThe configuration file is not in it, nor the certificates that it names: they are yours to keep.\n' +
        'The folder holds patients’ names and images: keep it as the data folder itself.\n' +
        '\nExample:\n  calcidisc --config site.json backup /backup/2026-01-31\n  calcidisc restore /backup/2026-01-31',
    )
    .action((dir: string, options: Options, command: Command) =>
      withDatabase(command, (opened) => run(resolve(dir), options, opened), { logLevel: 'warn' }),
    );
}

async function run(target: string, { spool, json }: Options, opened: OpenedDatabase): Promise<void> {
  if (existsSync(target) && (await readdir(target)).length > 0)
    throw new CalcidiscError('FOLDER_IN_USE', `${target} is not empty: give a folder that is not there yet`);
  await mkdir(dirname(target), { recursive: true });
  const fresh = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  const discard = () => rm(fresh, { recursive: true, force: true });
  const taken = onInterrupt(discard);
  try {
    const manifest = await write(fresh, spool, opened);
    await rm(target, { recursive: true, force: true });
    await rename(fresh, target);
    await note(opened, manifest);
    console.log(json ? JSON.stringify(manifest) : inWords(target, manifest));
  } catch (error) {
    await discard();
    throw error;
  } finally {
    taken();
  }
}

/** The database first: what it knows of is in the spool from then on. The manifest last: without it it is none. */
async function write(
  folder: string,
  how: Options['spool'],
  { config, database }: OpenedDatabase,
): Promise<Manifest> {
  await mkdir(join(folder, 'database'));
  const dumped = await dumpDatabase(database.knex, join(folder, 'database'));
  const from = join(config.dataDir, 'spool');
  const counted =
    how === 'copy'
      ? await copySpool(from, join(folder, 'spool'))
      : await listSpool(from, join(folder, 'spool.jsonl.gz'));
  const manifest: Manifest = {
    format: 1,
    calcidisc: version,
    createdAt: new Date().toISOString(),
    database: dumped as Manifest['database'],
    spool: { mode: how === 'copy' ? 'copied' : 'listed', ...counted },
    models: await copyModels(config.dataDir, folder),
    datasetKey: await copyKey(config.dataDir, folder),
    trailFiles: await copyTrail(resolve(config.dataDir, config.retention.auditFolder), join(folder, 'audit')),
  };
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}

async function copyModels(dataDir: string, folder: string): Promise<number> {
  const models = join(dataDir, 'models');
  if (!existsSync(models)) return 0;
  await cp(models, join(folder, 'models'), { recursive: true });
  return (await readdir(models)).length;
}

async function copyKey(dataDir: string, folder: string): Promise<boolean> {
  const key = join(dataDir, 'dataset.key');
  if (!existsSync(key)) return false;
  await copyFile(key, join(folder, 'dataset.key'));
  return true;
}

/** What a policy took out of the trail is in these files alone. */
async function copyTrail(from: string, to: string): Promise<number> {
  const files = existsSync(from)
    ? (await readdir(from)).filter((name) => /^trail-.*\.jsonl$/.test(name))
    : [];
  if (files.length > 0) await mkdir(to);
  for (const name of files) await copyFile(join(from, name), join(to, name));
  return files.length;
}

function note(
  { database }: OpenedDatabase,
  { createdAt, database: { auditHead }, spool }: Manifest,
): Promise<void> {
  return appendAudit(database.knex, {
    event: 'BACKUP_MADE',
    subjectType: 'backup',
    subjectId: createdAt,
    actor: commandActor(),
    detail: { auditHead, spool },
  });
}

function inWords(target: string, { database, spool, models, datasetKey, trailFiles }: Manifest): string {
  const rows = database.tables.reduce((sum, table) => sum + table.rows, 0);
  const images = spool.mode === 'copied' ? 'copied' : 'listed only: back them up by other means';
  return [
    `Backed up to ${target}`,
    `  database: ${rows} rows of ${database.tables.length} tables, audit head ${database.auditHead.seq}:${database.auditHead.hash}`,
    `  spool: ${spool.files} files, ${Math.round(spool.bytes / (1 << 20))} MiB, ${images}`,
    `  models added: ${models}; dataset.key: ${datasetKey ? 'copied' : 'there is none'}`,
    ...(trailFiles > 0
      ? [`  the trail’s beginning, which a policy took out of it: ${trailFiles} files`]
      : []),
    '  not in it: the configuration file and the certificates that it names',
  ].join('\n');
}
