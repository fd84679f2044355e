import { Command } from 'commander';
import { asCalcidiscError } from '../agent/domain/errors.js';
import { ConfigError } from '../config/load.js';
import { version } from '../config/version.js';
import { commands } from './commands.js';

const program = new Command('calcidisc')
  .description(
    'Routes lumbar MR by DICOM, flags calcified discs, reports back to the PACS (research software)',
  )
  .version(version)
  .option('-c, --config <file>', 'configuration file, JSON (else CALCIDISC_CONFIG, else the defaults)')
  .showHelpAfterError('(add --help for the options)')
  // Commander ends wrong usage with 1, which here means that the work failed. Commands inherit this.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

for (const register of commands) register(program);

try {
  await program.parseAsync();
} catch (thrown) {
  const error = thrown instanceof ConfigError ? thrown : asCalcidiscError(thrown);
  console.error(`calcidisc: ${error.message}`);
  process.exitCode = thrown instanceof ConfigError ? 2 : 1;
}
