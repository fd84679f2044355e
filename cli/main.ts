import { Command, CommanderError } from 'commander';
import { asCalcidiscError } from '../agent/domain/errors.js';
import { ConfigError } from '../config/load.js';
import { version } from '../config/version.js';
import { commandsNamed } from './commands.js';
import { EXIT, exitCodeOf } from './exitCodes.js';
import { watchInterrupts } from './interrupt.js';
import { guardStreams } from './streams.js';
import { NoVerdict } from './verdict.js';

guardStreams();
watchInterrupts();

const program = new Command('calcidisc')
  .description(
    'Routes lumbar MR by DICOM, flags calcified discs, reports back to the PACS (research software)',
  )
  .version(version)
  .option('-c, --config <file>', 'configuration file, JSON (else CALCIDISC_CONFIG, else the defaults)')
  .showHelpAfterError('(add --help for the options)')
  // Thrown instead of ending: what is open is closed, and help that cannot be written is said. Commands inherit this.
  .exitOverride();

for (const register of await commandsNamed(process.argv.slice(2))) register(program);

/** Whatever a failed command has left open (a connection that does not close) must not keep the process. */
const ENDING_LIMIT_MS = 2_000;

try {
  await program.parseAsync();
} catch (thrown) {
  const isVerdictless = thrown instanceof NoVerdict;
  const error = isVerdictless ? thrown.cause : thrown;
  const code = codeOf(error);
  process.exitCode = isVerdictless && code === EXIT.failed ? EXIT.noVerdict : code;
  setTimeout(() => process.exit(), ENDING_LIMIT_MS).unref();
}

/** Says what is wrong, where that has not been done. @returns how the process ends */
function codeOf(error: unknown): number {
  // Commander has said it, and ends wrong usage with 1, which here means that the work failed.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = error instanceof ConfigError ? error : asCalcidiscError(error);
  console.error(`calcidisc: ${known.message}`);
  return known instanceof ConfigError ? EXIT.failed : exitCodeOf(known.code);
}
