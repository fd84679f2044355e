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

/** Everything `calcidisc up` needs and everybody it talks to, each looked at for itself. Makes and starts nothing. */
export async function examine(config: Config): Promise<Finding[]> {
  const findings = await Promise.all([
    checkRules(config),
    checkTemplates(config),
    checkCertificates(config.dicom.tls),
    checkDataFolder(config),
    checkListeners(config),
    checkDatabase(config),
    ...(config.queue.redisUrl ? [pingRedis(config.queue.redisUrl)] : []),
    checkModels(modelFoldersOf(config)),
    checkLocaliser(config),
    ...checkPeers(config),
    ...checkChannels(config),
  ]);
  return findings.flat();
}
