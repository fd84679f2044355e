import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DemoPacs, openDemoPacs } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { answerOf, type StudyAnswer, sameAnswer, sendStudy, studiesConfig } from './sendStudies.js';
import { drawSiteStudies, type SiteStudy } from './siteStudies.js';

/** A few of `npm run check:studies`, in two orders each: those that differ most in how they come. */
const FEW = ['repeat', 'contrasts', 'kernels', 'trickle', 'split'];
const ORDERS = [1, 2];

describe('studies as hospitals have them, sent in several orders', function () {
  this.timeout(600_000);
  const answers: StudyAnswer[] = [];
  let dir: string;
  let test: TestDatabase;
  let pacs: DemoPacs;
  let service: RunningService;
  let studies: readonly SiteStudy[];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-studies-'));
    test = await createTestDatabase();
    pacs = await openDemoPacs(join(dir, 'pacs'), quietLog);
    const config = studiesConfig(join(dir, 'data'), pacs, test.config.database.url);
    service = await startService(config, quietLog, { agent: true, worker: true });
    studies = await drawSiteStudies(join(dir, 'phantom'), FEW);
    // All are sent, then all are waited for: the waiting of one is the others' too.
    for (const order of ORDERS)
      for (const study of studies) await sendStudy(study, order, order, service.dicomPort!);
    const settled = { settledForMs: 10_000, limitMs: 300_000 };
    for (const order of ORDERS)
      answers.push(
        ...(await Promise.all(
          studies.map((study) => answerOf(service.database, study, order, order, settled)),
        )),
      );
  });
  after(async () => {
    await service?.close();
    await pacs?.close();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  for (const name of FEW)
    it(`${name}: the same single answer for every order, never more than two reports`, () => {
      const own = answers.filter(({ study }) => study === name);
      assert.equal(own.length, ORDERS.length);
      assert.deepEqual(
        own.flatMap(({ wrong }) => wrong),
        [],
      );
      assert.equal(new Set(own.map(sameAnswer)).size, 1);
    });
});
