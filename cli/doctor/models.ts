import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 as sha256Of } from '../../agent/domain/hash.js';
import type { Config } from '../../config/schema.js';
import { findLocaliser } from '../../models/catalogue/localiser.js';
import type { ModelFolders } from '../../models/catalogue/modelFiles.js';
import type { Finding } from './finding.js';

/** Every NAME/VERSION with a card: is the file there, and is it the one the card was written for? */
export async function checkModels(folders: ModelFolders): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const folder of folders)
    for (const cardPath of await cardsIn(folder)) findings.push(await checkModel(folder, cardPath));
  for (const kind of ['localiser', 'classifier']) {
    if (findings.some((each) => each.detail.startsWith(kind))) continue;
    const advice = 'without it cases wait: restore models/ from the release';
    findings.push({ what: 'models', verdict: 'failed', detail: `there is no ${kind}`, advice });
  }
  return findings;
}

const hashes = new Map<string, string>();

/** By path, time and size: who examines again in one process need not read a hundred megabytes again. */
async function hashOnce(path: string): Promise<string> {
  const { mtimeMs, size } = await stat(path);
  const key = `${path} ${mtimeMs} ${size}`;
  const known = hashes.get(key) ?? sha256Of(await readFile(path));
  hashes.set(key, known);
  return known;
}

/** The one that `locate.model` chooses: said only when it cannot be used. */
export async function checkLocaliser(config: Pick<Config, 'dataDir' | 'locate'>): Promise<Finding[]> {
  try {
    await findLocaliser(config);
    return [];
  } catch (error) {
    const advice = 'name one that is there under locate.model, or put it there with calcidisc model add';
    const detail = (error as Error).message;
    return [{ what: 'localiser', verdict: 'failed', detail, setting: 'locate.model', advice }];
  }
}

async function cardsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => /^[^/]+\/[^/]+\/card\.json$/.test(name)).sort();
}

async function checkModel(folder: string, cardPath: string): Promise<Finding> {
  const what = `model ${cardPath.replace('/card.json', '')}`;
  try {
    const card = JSON.parse(await readFile(join(folder, cardPath), 'utf8'));
    const sha256 = await hashOnce(join(folder, cardPath, '..', 'model.onnx'));
    if (sha256 === card.sha256)
      return { what, verdict: 'ok', detail: `${card.kind}, ${sha256.slice(0, 12)}` };
    const detail = `${card.kind}: the file is not the one of the card (${sha256.slice(0, 12)})`;
    return { what, verdict: 'failed', detail, advice: 'restore models/ from the release' };
  } catch (error) {
    return {
      what,
      verdict: 'failed',
      detail: (error as Error).message,
      advice: 'restore models/ from the release',
    };
  }
}
