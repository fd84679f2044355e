import type { Command } from 'commander';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { findCase } from '../../db/tables/cases.js';
import { findNamedCase } from '../../db/views/lookup.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { type Engine, openEngine } from '../../worker/engine.js';
import { type Replay, type ReplayedRegion, replayCase } from '../../worker/replay.js';
import type { Provider } from '../../worker/session.js';
import { commandActor } from '../actor.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { EXIT } from '../exitCodes.js';
import { verdictOf } from '../verdict.js';

export function register(program: Command): void {
  program
    .command('replay')
    .argument('<case>', 'its id or enough of the beginning, its accession number, or its Study Instance UID')
    .description(
      "runs a case's stored regions again with the recorded models and compares every bit; exits with 1 if any" +
        ' differs, 3 if there is no such case, 4 if it cannot be run, or its regions were deleted by policy',
    )
    .option(
      '--json',
      'one JSON document: {caseId, revision, runtime, equal, regions: [{level, model, role, …}]}',
    )
    .addHelpText(
      'after',
      '\nThe regions, the models and the batches are those that are on record, so the same provider on the same kind\n' +
        'of processor must give the same bits. Another onnxruntime or another processor may differ in the last ones;\n' +
        'the answer then says by how much.',
    )
    .action(run);
}

async function run(text: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const replay = await verdictOf(() => withDatabase(command, (opened) => replayed(text, opened)));
  console.log(json ? JSON.stringify(replay) : inWords(replay));
  if (!replay.equal) process.exitCode = EXIT.failed;
}

async function replayed(text: string, { config, database, log }: OpenedDatabase): Promise<Replay> {
  const engines = new Map<Provider, Engine>();
  const engine = (provider: Provider) => {
    const opened = engines.get(provider) ?? openEngine({ ...config.worker, provider }, log);
    engines.set(provider, opened);
    return opened;
  };
  try {
    const id = await findNamedCase(database.knex, text);
    const row = id === null ? null : await findCase(database.knex, id);
    if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${text}`);
    const tools = { tx: database.knex, folders: modelFoldersOf(config), engine, actor: commandActor() };
    return await replayCase(tools, row);
  } finally {
    await Promise.all([...engines.values()].map((each) => each.close()));
  }
}

function inWords({ regions, caseId, revision, runtime, equal }: Replay): string {
  const verdict = equal ? 'every bit is the same' : 'IT DIFFERS';
  const head = `case ${caseId} revision ${revision}: ${regions.length} answers run again on ${runtime}: ${verdict}`;
  return [head, ...regions.map(line)].join('\n');
}

function line({ level, model, role, stored, equal, reason }: ReplayedRegion): string {
  return `  ${level}  ${stored.toFixed(6)}  ${equal ? 'same' : `DIFFERS: ${reason}`}  ${model} (${role})`;
}
