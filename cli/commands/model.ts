import type { Command } from 'commander';
import type { Tx } from '../../db/server/knex.js';
import { listModels, type ModelChange, type ModelRow } from '../../db/tables/models.js';
import { compareVersions, type ModelReference } from '../../models/catalogue/card.js';
import { adoptModelFolder, type ModelFolders, modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import {
  commandModel,
  previousActive,
  registerHostModels,
  register as registerModel,
} from '../../models/catalogue/registry.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { parseModel } from './classify.js';
import { addSiteCommands } from './modelSite.js';

export function register(program: Command): void {
  const model = program
    .command('model')
    .description('the registry of models: which classifier decides, which run beside it and only record')
    .addHelpText(
      'after',
      '\nOne classifier is active and decides; shadows record their answers beside it; retired ones rest. Workers take\n' +
        'a change up with the next case, without a restart, and every change is on the audit trail.\n' +
        '\nExample:\n  $ calcidisc model add ./densenet121-site-b\n  $ calcidisc model shadow densenet121@2\n' +
        '  $ calcidisc model activate densenet121@2\n  $ calcidisc model rollback',
    );
  model
    .command('list')
    .description('all registered models with their state')
    .option(
      '--json',
      'one JSON document: [{name, version, kind, state, stateSince, sha256, threshold, isThresholdLocal, description}]',
    )
    .action((options, command) => withRegistry(command, options, async ({ tx }) => listModels(tx)));
  model
    .command('add <folder>')
    .description(
      'copies a folder with model.onnx and card.json to the data folder and registers it; hash verified',
    )
    .option('--json', 'one JSON document: the model')
    .action((folder: string, options, command) =>
      withRegistry(command, options, async ({ tx, folders }) => [
        await registerModel(tx, await adoptModelFolder(folder, folders)),
      ]),
    );
  for (const { name, to, description } of CHANGES)
    model
      .command(`${name} <model>`)
      .description(`${description}; the model is NAME@VERSION, or NAME for its highest version`)
      .option('--reason <text>', REASON)
      .option('--json', 'one JSON document: the model')
      .action((text: string, options: ChangeOptions, command) =>
        withRegistry(command, options, async (registry) => [
          await change(registry, parseModel(text), to, options),
        ]),
      );
  model
    .command('rollback')
    .description(
      'withdraws the active classifier for the one before it; a second one goes further back, not to the withdrawn one',
    )
    .option('--reason <text>', REASON)
    .option('--json', 'one JSON document: the model')
    .action((options: ChangeOptions, command) =>
      withRegistry(command, options, async (registry) => [
        await change(registry, await previousActive(registry.tx), 'active', { ...options, isRollback: true }),
      ]),
    );
  addSiteCommands(model);
}

const REASON = 'why, for the audit trail';

interface ChangeOptions {
  readonly reason?: string;
  readonly json?: boolean;
  readonly isRollback?: boolean;
}

const CHANGES: readonly { name: string; to: ModelChange['to']; description: string }[] = [
  { name: 'activate', to: 'active', description: 'makes it the one that decides; the one before it retires' },
  {
    name: 'shadow',
    to: 'shadow',
    description: 'runs it beside the active one; its answers are only recorded',
  },
  { name: 'retire', to: 'retired', description: 'takes a shadow out of work' },
];

interface Registry {
  readonly tx: Tx;
  readonly folders: ModelFolders;
}

function change(
  { tx, folders }: Registry,
  { name, version }: ModelReference,
  to: ModelChange['to'],
  { reason, isRollback = false }: ChangeOptions,
) {
  const reference = version === undefined ? { name } : { name, version };
  return commandModel(tx, folders, {
    reference,
    to,
    actor: commandActor(),
    isRollback,
    ...(reason && { reason }),
  });
}

async function withRegistry(
  command: Command,
  { json }: { json?: boolean },
  use: (registry: Registry) => Promise<readonly ModelRow[]>,
): Promise<void> {
  await withDatabase(
    command,
    async ({ config, database, log }) => {
      const folders = modelFoldersOf(config);
      await registerHostModels(database.knex, folders, log);
      const rows = await use({ tx: database.knex, folders });
      const views = rows.map(viewOf);
      const answer = command.name() === 'list' ? views.sort(byName) : views[0];
      console.log(json ? JSON.stringify(answer) : views.map(inWords).join('\n'));
    },
    { schema: 'upgrade', makes: true },
  );
}

type View = ReturnType<typeof viewOf>;

function viewOf({ name, version, kind, state, stateSince, sha256, card, localBounds }: ModelRow) {
  const { threshold, description } = card as { threshold?: number; description?: string };
  return {
    name,
    version,
    kind,
    state,
    stateSince,
    sha256,
    threshold: localBounds?.threshold ?? threshold ?? null,
    isThresholdLocal: localBounds !== null,
    description: description ?? '',
  };
}

function byName(a: View, b: View): number {
  return (
    a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name) || compareVersions(a.version, b.version)
  );
}

function inWords({
  name,
  version,
  kind,
  state,
  stateSince,
  sha256,
  threshold,
  isThresholdLocal,
}: View): string {
  const own = isThresholdLocal ? `  threshold ${threshold!.toFixed(3)}, this site's own` : '';
  const since = stateSince.toISOString().slice(0, 16).replace('T', ' ');
  return `${state.padEnd(10)}  ${`${name}@${version}`.padEnd(20)}  ${kind.padEnd(10)}  since ${since}  ${sha256.slice(0, 12)}${own}`;
}
