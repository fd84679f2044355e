import type { Command } from 'commander';
import { deleteOptOut, insertOptOut, listOptOuts } from '../../db/tables/optOuts.js';
import { withDatabase } from './common.js';

export function addOptOut(dataset: Command): void {
  dataset
    .command('opt-out [patient-id]')
    .description('records that a patient wants no part in research: no export has them from now on')
    .option('--withdraw', 'the patient has changed their mind')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nBy PatientID, whoever issued it, also before the first image has come. Without an id it lists them. Exports made\n' +
        'before stay as they are: the audit trail (DATASET_EXPORTED) tells which there were.\n' +
        '\nExample:\n  $ calcidisc dataset opt-out 4711',
    )
    .action(run);
}

async function run(
  patientId: string | undefined,
  { withdraw, json }: { withdraw?: boolean; json?: boolean },
  command: Command,
): Promise<void> {
  await withDatabase(command, async ({ database: { knex }, actor }) => {
    if (patientId === undefined) {
      const rows = await listOptOuts(knex);
      console.log(json ? JSON.stringify(rows) : rows.map((row) => row.patientId).join('\n') || 'nobody');
      return;
    }
    const changed = await (withdraw ? deleteOptOut : insertOptOut)(knex, patientId, actor);
    const isOut = !withdraw;
    const words = `${patientId} ${changed ? 'is now' : 'was already'} ${isOut ? 'out of' : 'in'} research`;
    console.log(json ? JSON.stringify({ patientId, optedOut: isOut, changed }) : words);
  });
}
