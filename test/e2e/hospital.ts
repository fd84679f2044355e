import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningService, startService } from '../../cli/service.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { serviceConfig } from '../support/service.js';
import { activateTiny } from '../worker/models.js';
import { fixtureModels } from '../worker/regions.js';

/** A PACS and our service beside it, which sends its reports there; the small classifier of the tests decides. */
export interface Hospital {
  /** For files of the test's own. */
  readonly dir: string;
  readonly orthanc: RunningOrthanc;
  readonly test: TestDatabase;
  readonly service: RunningService;
  close(): Promise<void>;
}

/** @param more destinations beside the PACS @param pacsSettings of the PACS as a destination */
export async function openHospital(
  more: readonly object[] = [],
  pacsSettings: object = {},
): Promise<Hospital> {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-hospital-'));
  const orthanc = await startOrthanc();
  const test = await createTestDatabase();
  const models = join(test.config.dataDir, 'models');
  await cp(join(fixtureModels, 'tiny-classifier'), join(models, 'tiny-classifier'), { recursive: true });
  await activateTiny(test.database, [models]);
  const pacs = {
    name: 'pacs',
    aeTitle: orthanc.aet,
    host: '127.0.0.1',
    port: orthanc.dicomPort,
    ...pacsSettings,
  };
  const config = serviceConfig(test, { route: { destinations: [pacs, ...more] } });
  const service = await startService(config, quietLog, { agent: true, worker: true });
  return {
    dir,
    orthanc,
    test,
    service,
    async close() {
      await service.close();
      await test.close();
      await orthanc.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
