import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { loadDatabase } from '../../db/backup/load.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { listSpoolPaths } from '../../db/views/spoolPaths.js';
import { commandActor } from '../actor.js';
import { type Manifest, readManifest } from '../backup/manifest.js';
import { copySpool, handBackUnknown, missingFromSpool } from '../backup/spoolFiles.js';
import { onInterrupt } from '../interrupt.js';

export function register(program: Command): void {
  program
    .command('restore')
    .argument('<dir>', 'a folder that `calcidisc backup` wrote')
    .description(
      'Restores a backup into an empty data folder and an empty database (the embedded one, or that of DATABASE_URL):\n' +
        'rows as they were, the audit chain walked, then what later versions add. Nothing that is there is touched.',
    )
    .option('--json', 'one JSON document on stdout: {restored, events, handedBack, missing}')
    .addHelpText(
      'after',
      '\nThe images of a backup that only lists them are put under <dataDir>/spool first, by whatever keeps them.\n' +
        '\nExample:\n  CALCIDISC_DATA=/var/lib/calcidisc calcidisc restore /backup/2026-01-31',
    )
    .action((dir: string, options: { readonly json?: boolean }, command: Command) =>
      run(resolve(dir), options, command),
    );
}

interface Restored {
  readonly restored: string;
  /** Of the audit trail. */
  readonly events: number;
  /** Images that came during the backup and wait for the index again. */
  readonly handedBack: number;
  /** Images that the backup lists and that are not in the spool. */
  readonly missing: number;
}

async function run(folder: string, { json }: { readonly json?: boolean }, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const manifest = await readManifest(folder);
  const dataDir = resolve(config.dataDir);
  await refuseUsed(dataDir, manifest);
  await mkdir(dataDir, { recursive: true });
  const log = createLogger({ log: { ...config.log, level: 'warn' } });
  const database = await openDatabase(config, log, { schema: 'any' });
  const taken = onInterrupt(() => database.close());
  try {
    const restored = await restore(folder, manifest, config, database);
    console.log(json ? JSON.stringify(restored) : inWords(restored, manifest, dataDir));
  } finally {
    taken();
    await database.close();
  }
}

/** What lies there already belongs to somebody: the images of a listed spool are all that may be there. */
async function refuseUsed(dataDir: string, { spool }: Manifest): Promise<void> {
  const there = await readdir(dataDir).catch(() => []);
  const allowed = spool.mode === 'listed' ? ['spool'] : [];
  const used = there.filter((name) => !allowed.includes(name));
  if (used.length === 0) return;
  throw new CalcidiscError(
    'FOLDER_IN_USE',
    `${dataDir} is not empty (${used.slice(0, 3).join(', ')}): restore into a new data folder (dataDir, CALCIDISC_DATA)`,
  );
}

async function restore(
  folder: string,
  manifest: Manifest,
  config: Pick<Config, 'dataDir' | 'retention'>,
  { knex }: Database,
): Promise<Restored> {
  const dataDir = resolve(config.dataDir);
  const spool = join(dataDir, 'spool');
  const { auditHead } = manifest.database;
  await loadDatabase(knex, manifest.database, join(folder, 'database'));
  if (manifest.spool.mode === 'copied') await copySpool(join(folder, 'spool'), spool);
  const missing =
    manifest.spool.mode === 'listed' ? await missingFromSpool(spool, join(folder, 'spool.jsonl.gz')) : 0;
  const known = await listSpoolPaths(knex);
  const handedBack = await handBackUnknown(spool, (path) => known.has(path));
  if (existsSync(join(folder, 'models')))
    await cp(join(folder, 'models'), join(dataDir, 'models'), { recursive: true });
  if (manifest.trailFiles > 0)
    await cp(join(folder, 'audit'), resolve(dataDir, config.retention.auditFolder), { recursive: true });
  if (manifest.datasetKey) await copyFile(join(folder, 'dataset.key'), join(dataDir, 'dataset.key'));
  await appendAudit(knex, {
    event: 'BACKUP_RESTORED',
    subjectType: 'backup',
    subjectId: manifest.createdAt,
    actor: commandActor(),
    detail: { auditHead, handedBack, missing },
  });
  return { restored: manifest.createdAt, events: auditHead.seq, handedBack, missing };
}

function inWords(
  { events, handedBack, missing }: Restored,
  { createdAt, calcidisc }: Manifest,
  dataDir: string,
): string {
  return [
    `Restored into ${dataDir}: the backup of ${createdAt}, written by Calcidisc ${calcidisc}`,
    `  audit trail: ${events} events, the chain is whole`,
    ...(handedBack > 0
      ? [`  ${handedBack} images came during the backup: the next start takes them up`]
      : []),
    ...(missing > 0
      ? [`  MISSING: ${missing} images that the backup lists are not in ${dataDir}/spool`]
      : []),
    '  Start it with `calcidisc up`; the old one must not run any more.',
  ].join('\n');
}
