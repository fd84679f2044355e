import { ConfigError } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { checkCertificates } from './certificates.js';
import { checkTemplates } from './channels.js';
import { makeDataFolder } from './dataFolder.js';
import { type Finding, sentenceOf } from './finding.js';
import { checkLocaliser } from './models.js';
import { checkPorts } from './ports.js';
import { checkRules } from './rules.js';

/**
 * What a start looks at before it opens anything, with the doctor's own eyes.
 * @throws ConfigError one sentence that names the setting, for the first thing that is wrong
 */
export async function refuseToStart(config: Config, { agent }: { readonly agent: boolean }): Promise<void> {
  if (agent) refuse([...checkRules(config), ...checkCertificates(config).filter(isNoDate)]);
  if (agent) refuse(await checkTemplates(config));
  if (agent) refuse([...(await checkPorts(config)), ...(await checkLocaliser(config))]);
  const folder = agent || !config.database.url ? await makeDataFolder(config.dataDir) : null;
  refuse(folder ? [folder] : []);
}

/** A certificate out of date is said (doctor, /readyz): peers may be more forgiving than we know. */
function isNoDate({ what }: Finding): boolean {
  return !what.startsWith('certificate');
}

function refuse(findings: readonly Finding[]): void {
  const wrong = findings.find(({ verdict }) => verdict === 'failed');
  if (wrong) throw new ConfigError(sentenceOf(wrong));
}
