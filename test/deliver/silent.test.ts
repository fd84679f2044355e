import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decideRoute } from '../../agent/deliver/route.js';
import { isStated } from '../../agent/domain/answers.js';
import { type RunningService, startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import type { Config } from '../../config/schema.js';
import type { Acceptance } from '../../models/acceptance/acceptance.js';
import { calcidisc } from '../support/command.js';
import { quietLog, useDatabase } from '../support/database.js';
import { chanceDiscs, insertDiscs } from '../support/judgedCases.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';
import { activateTiny } from '../worker/models.js';
import { fixtureModels } from '../worker/regions.js';
import { type AnsweringScp, answeringScp } from './answeringScp.js';
import { testFolder } from './channelRig.js';
import { insertReportedCase, keepResult } from './reportedCase.js';

const CASES = 200;
const BIN = join(projectRoot, 'bin/calcidisc.mjs');

describe('silent, then live', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let pacs: AnsweringScp;
  let service: RunningService | undefined;
  before(async () => {
    pacs = await answeringScp(0x0000);
  });
  after(async () => {
    await service?.close();
    pacs.close();
  });

  const destination = () => ({ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port });
  const configOf = (mode: 'silent' | 'live', named = true): Config =>
    serviceConfig(db as never, { results: { mode }, route: { destinations: named ? [destination()] : [] } });
  const start = async (config: Config) => {
    await service?.close();
    service = await startService(config, quietLog, { agent: true, worker: false });
  };
  const count = async (where: object): Promise<number> =>
    Number((await db.database.knex('case').where(where).count('* as n'))[0]!.n);
  const resting = () =>
    db.database
      .knex('case')
      .where({ state: 'reported', owner: null })
      .andWhere('waitingFor', 'like', 'nothing: %')
      .count('* as n')
      .then(([row]) => Number(row!.n));

  it(`${CASES} cases of a silent site end at reported, and nothing asks for them again`, async () => {
    const config = configOf('silent', false);
    const model = await activateTiny(db.database, [fixtureModels]);
    for (let i = 0; i < CASES; i++) {
      const made = await insertReportedCase(db.database);
      await keepResult(db.database, made, decideRoute(config, made.input, 'MR1'));
      await insertDiscs(db.database, made.row, model, chanceDiscs(i));
    }
    await start(config);
    await until(async () => (await resting()) === CASES, 60_000);
    const [first] = await db.database.knex('case').orderBy('nextAttemptAt').limit(1).select('nextAttemptAt');
    assert.ok(first.nextAttemptAt.getTime() > Date.now() + 365 * 24 * 3_600_000);
    assert.equal(await count({ state: 'reported' }), CASES);
  });

  it('its acceptance report says what a site needs before it goes live, and shows every disagreement', async () => {
    const folder = await testFolder();
    try {
      const { dataDir, database } = db.config;
      const env = { CALCIDISC_DATA: dataDir, DATABASE_URL: database.url! };
      await db.database.knex('series').update({ acquisitionDate: '2026-01-10' });
      const out = process.env.ACCEPTANCE_OUT ?? join(folder.dir, 'acceptance');
      const made = await calcidisc(['backfill', 'report', '--to', '2026-12-31', '--out', out, '--json'], {
        env,
      });
      assert.equal(made.code, 0, made.stderr);
      const { cases, all, auc, disagreements, agreements } = made.json<Acceptance>();
      assert.deepEqual([cases.all, cases.reported, all.discs], [CASES, CASES, 5 * CASES]);
      const wanted = Array.from({ length: CASES }, (_, i) => chanceDiscs(i)).flat();
      const compared = wanted.filter(
        ({ answer, ctLabel }) => isStated(answer) && ctLabel !== null && ctLabel !== 'indeterminate',
      );
      const count = (isFlagged: boolean, isCalcified: boolean) =>
        compared.filter(
          ({ answer, ctLabel }) =>
            (answer === 'calcified') === isFlagged && (ctLabel === 'calcified') === isCalcified,
        ).length;
      const { truePositive, falsePositive, falseNegative, trueNegative } = all.performance;
      assert.deepEqual(
        [truePositive, falsePositive, falseNegative, trueNegative],
        [count(true, true), count(true, false), count(false, true), count(false, false)],
      );
      assert.ok(auc!.interval!.low < auc!.value && auc!.value < auc!.interval!.high);
      assert.deepEqual([disagreements.length, agreements.length], [falsePositive + falseNegative, 10]);
      const page = await readFile(join(out, 'acceptance.html'), 'utf8');
      assert.equal(page.split('<figure class="disc">').length - 1, disagreements.length + 10);
      assert.doesNotMatch(page + made.stdout, /P-[0-9a-f]{8}|DOE/);
    } finally {
      await folder.remove();
    }
  });

  it('naming a destination and going live sends what comes from then on, and nothing old', async () => {
    await start(configOf('live'));
    const config = configOf('live');
    const fresh = await insertReportedCase(db.database);
    await keepResult(db.database, fresh, decideRoute(config, fresh.input, 'MR1'));
    await until(async () => (await count({ state: 'delivered' })) === 1, 30_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.ok(pacs.received.includes(fresh.report.sopInstanceUid));
    assert.equal(pacs.received.length, 2, 'the new report and its picture');
    assert.equal(await resting(), CASES);
  });

  it('--send-since sends what ended silent since then, once, and no more', async () => {
    await service?.close();
    service = undefined;
    const { knex } = db.database;
    const old = await knex('report')
      .orderBy('createdAt')
      .limit(CASES - 3)
      .pluck('id');
    await knex('report')
      .whereIn('id', old)
      .update({ createdAt: new Date('2026-01-01T00:00:00Z') });
    const folder = await testFolder();
    const { dataDir, database } = db.config;
    const file = await folder.file(
      'site.json',
      JSON.stringify({
        dataDir,
        database: { url: database.url },
        queue: { sweepMs: 500 },
        dicom: { port: 0 },
        http: { port: 0 },
        route: { destinations: [destination()] },
      }),
    );
    const wrong = await calcidisc(['--config', file, 'up', '--send-since', 'yesterday']);
    assert.deepEqual([wrong.code, /that is no date, as 2026-11-20/.test(wrong.stderr)], [1, true]);
    const up = spawn(process.execPath, [BIN, '--config', file, 'agent', '--send-since', '2026-02-01'], {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    up.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    try {
      await until(async () => (await count({ state: 'delivered' })) === 4, 40_000);
      assert.match(said, /^3 reports that had stayed here since 2026-02-01/m);
    } finally {
      up.kill('SIGTERM');
      await once(up, 'close');
      await folder.remove();
    }
    assert.equal(new Set(pacs.received).size, 8, 'SR and picture of four');
    assert.equal(pacs.received.length, 8);
    assert.equal(await count({ state: 'reported' }), CASES - 3);
    const events = await knex('auditEvent').where({ event: 'RESULTS_RELEASED' }).pluck('detail');
    assert.deepEqual(events, [{ since: '2026-02-01T00:00:00.000Z', cases: 3 }]);
  });

  it('what stays here says why, and how it would go', async () => {
    const row = await db.database.knex('case').where({ state: 'reported' }).first('id');
    const { dataDir, database } = db.config;
    const env = { CALCIDISC_DATA: dataDir, DATABASE_URL: database.url! };
    const { stdout } = await calcidisc(['case', row.id], { env });
    assert.match(stdout, /waits: nothing: this installation is silent .*; the report is kept/);
    assert.match(stdout, /sent nowhere \(silent\): this installation is silent/);
    const tested = await calcidisc(['rules', 'test', '--case', row.id], { env });
    assert.match(
      tested.stdout,
      /outcome = "positive"\n[\s\S]*flagged = \["L4-L5"\]\n[\s\S]*Now: {5}no rule; silent; .*no destination/,
    );
  });
});
