import { ConfigError, loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { checkCertificates } from './certificates.js';
import { checkChannels, checkTemplates } from './channels.js';
import { checkDatabase } from './database.js';
import { checkDataFolder } from './dataFolder.js';
import type { Finding } from './finding.js';
import { checkLocaliser, checkModels } from './models.js';
import { checkPeers } from './peers.js';
import { pingRedis } from './redis.js';
import { checkRules } from './rules.js';
import { checkListeners } from './running.js';
import { checkSingleSignOn } from './singleSignOn.js';

/** Everything `calcidisc up` needs and everybody it talks to, each looked at for itself. Makes and starts nothing. */
export async function examine(config: Config): Promise<Finding[]> {
  const findings = await Promise.all([
    checkRules(config),
    checkTemplates(config),
    checkCertificates(config),
    checkDataFolder(config),
    checkListeners(config),
    checkSingleSignOn(config),
    checkDatabase(config),
    ...(config.queue.redisUrl ? [pingRedis(config.queue.redisUrl)] : []),
    checkModels(modelFoldersOf(config)),
    checkLocaliser(config),
    ...checkPeers(config),
    ...checkChannels(config),
  ]);
  return findings.flat();
}

/** A configuration that cannot be read is a finding too: cron gets its JSON whatever is wrong. */
export async function examineFile(
  environment: NodeJS.ProcessEnv,
  file?: string,
): Promise<readonly Finding[]> {
  try {
    return await examine(loadConfig(environment, file));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = 'docs/configuration.md has every setting; nothing else was looked at';
    return [{ what: 'configuration', verdict: 'failed', detail: error.message, advice }];
  }
}
