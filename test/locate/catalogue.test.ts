import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocator } from '../../agent/locate/pool.js';
import { checkLocaliser } from '../../cli/doctor/models.js';
import { parseConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { compareVersions } from '../../models/catalogue/card.js';
import { adoptModelFolder, modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { quietLog } from '../support/database.js';

describe('which localiser is used', () => {
  let dataDir: string;
  let shipped: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-localiser-'));
    const versions = await readdir(join(projectRoot, 'models', 'localiser'));
    shipped = versions.toSorted(compareVersions).at(-1)!;
    await add('99');
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  /** As `calcidisc model add` does. */
  async function add(version: string): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'calcidisc-added-'));
    await cp(join(projectRoot, 'models', 'localiser', shipped), folder, { recursive: true });
    const path = join(folder, 'card.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), version }));
    await adoptModelFolder(folder, modelFoldersOf({ dataDir }));
    await rm(folder, { recursive: true });
  }

  async function usedFor(model: string): Promise<string> {
    const locator = await openLocator(parseConfig({ dataDir, locate: { model } }), quietLog);
    await locator.close();
    return `${locator.localiser.name}@${locator.localiser.version}`;
  }

  it('one that was added lies in the data folder, and is found there like a classifier', async () => {
    assert.equal(await usedFor('localiser'), 'localiser@99');
    assert.equal(await usedFor('localiser@99'), 'localiser@99');
  });

  it('one that shipped is found by its version still', async () => {
    assert.equal(await usedFor(`localiser@${shipped}`), `localiser@${shipped}`);
  });

  it('a version that is not there stops the start, and says which there are', async () => {
    await assert.rejects(usedFor('localiser@98'), {
      code: 'MODEL_MISSING',
      message: /no model localiser@98 .*localiser@99.*/,
    });
  });

  it('a classifier named by mistake stops the start', async () => {
    await assert.rejects(usedFor('resnet34'), {
      code: 'MODEL_CARD_INVALID',
      message: /resnet34.* no localiser/,
    });
  });

  it('doctor looks for the one that the configuration names', async () => {
    const config = parseConfig({ dataDir, locate: { model: 'localiser@98' } });
    const findings = await checkLocaliser(config);
    assert.deepEqual(
      findings.map(({ what, verdict }) => [what, verdict]),
      [['localiser', 'failed']],
    );
    assert.deepEqual(await checkLocaliser(parseConfig({ dataDir })), []);
  });
});
