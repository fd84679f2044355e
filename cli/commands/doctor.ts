import type { Command } from 'commander';
import { examineFile } from '../doctor/checks.js';
import type { CheckVerdict, Finding } from '../doctor/finding.js';
import { EXIT } from '../exitCodes.js';

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
      'Looks at everything Calcidisc needs and everybody it talks to: rules, certificates, data folder and disk, ports\n' +
        'and who holds them, database and audit trail, Redis, models, each destination and query source by C-ECHO; and\n' +
        'asks a service that runs here what it says of itself (/readyz). Makes and starts nothing.',
    )
    .option('--strict', 'a warning ends with 1 too')
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExit code 0: all is well or only warned about; 1: something has failed (with --strict: or was warned about).\n' +
        '\nExample (cron, silent while all is well):\n  calcidisc --config site.json doctor --json > doctor.json || mail -s doctor admin < doctor.json\n',
    )
    .action((options: Options) => run(program, options));
}

interface Options {
  readonly json?: boolean;
  readonly strict?: boolean;
}

async function run(program: Command, { json, strict }: Options): Promise<void> {
  const findings = await examineFile(process.env, program.opts().config);
  const isWell = findings.every(({ verdict }) => verdict === 'ok' || (verdict === 'warning' && !strict));
  if (json) console.log(JSON.stringify({ ok: isWell, findings }));
  else for (const finding of findings) print(finding);
  if (!isWell) process.exitCode = EXIT.failed;
}

function print({ what, verdict, detail, setting, advice }: Finding): void {
  console.log(`${MARKS[verdict]}  ${what}: ${detail}`);
  if (verdict === 'ok') return;
  if (advice) console.log(`         -> ${advice}`);
  if (setting) console.log(`         -> set by ${setting}`);
}
