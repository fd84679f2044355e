import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { examine } from '../doctor/checks.js';
import type { CheckVerdict, Finding } from '../doctor/finding.js';

const MARKS: Readonly<Record<CheckVerdict, string>> = {
  ok: 'ok     ',
  warning: 'warning',
  failed: 'FAILED ',
};

export function register(program: Command): void {
  program
    .command('doctor')
    .summary('what is reachable, what is missing')
    .description(
      'Looks at everything Calcidisc needs and everybody it talks to: data folder and disk, ports, database and\n' +
        'audit trail, Redis, models, and each destination by C-ECHO. Starts nothing that stays.',
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExit code 0: all is well or only warned about; 1: something has failed.\n')
    .action((options: { readonly json?: boolean }) => run(program, options));
}

async function run(program: Command, { json }: { readonly json?: boolean }): Promise<void> {
  const findings = await examine(loadConfig(process.env, program.opts().config));
  const isWell = findings.every((each) => each.verdict !== 'failed');
  if (json) console.log(JSON.stringify({ ok: isWell, findings }));
  else for (const finding of findings) print(finding);
  if (!isWell) process.exitCode = 1;
}

function print({ what, verdict, detail, advice }: Finding): void {
  console.log(`${MARKS[verdict]}  ${what}: ${detail}`);
  if (advice && verdict !== 'ok') console.log(`         -> ${advice}`);
}
