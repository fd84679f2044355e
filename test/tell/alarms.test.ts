import assert from 'node:assert/strict';
import { openNotices } from '../../agent/deliver/notices.js';
import { alarmLooks } from '../../agent/expose/alarmsNow.js';
import { type AlarmLook, startAlarms } from '../../agent/tell/alarms.js';
import { parseConfig } from '../../config/load.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { openQueues } from '../../db/work/queue.js';
import { type DestinationInput, testFolder } from '../deliver/channelRig.js';
import { quietLog, useDatabase } from '../support/database.js';
import { httpServer } from '../support/httpServer.js';
import { until } from '../support/until.js';

describe('what is wrong with the installation is told by the channels that want to hear of it', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let secretFile: string;
  before(async () => {
    folder = await testFolder();
    secretFile = await folder.file('secret', 'k');
  });
  after(() => folder.remove());
  beforeEach(async () => {
    await db.database.knex('notice').delete();
    await db.database.knex('alarmEpisode').delete();
  });

  const hook = (name: string, url: string, events: string[] = ['alarm']): DestinationInput =>
    ({ name, channel: 'webhook', url, secretFile, timeoutMs: 2_000, events }) as DestinationInput;
  const configOf = (destinations: DestinationInput[]) =>
    parseConfig({ route: { destinations }, deliver: { firstRetryMs: 1 } });
  const saidTo = ({ requests }: Awaited<ReturnType<typeof httpServer>>) =>
    requests.map(
      ({ body }) => JSON.parse(body.toString()) as { event: string; said: string[]; caseId: null },
    );

  /** Runs while `steps` does; `wrong` is what is found at each look. */
  async function watching(
    look: AlarmLook | readonly AlarmLook[],
    destinations: DestinationInput[],
    steps: () => Promise<void>,
  ): Promise<void> {
    const config = configOf(destinations);
    const { dicom, deliver, route } = config;
    const notices = await openNotices({
      config: { dicom, deliver, route },
      database: db.database,
      log: quietLog,
    });
    notices.begin();
    const alarms = startAlarms({
      database: db.database,
      log: quietLog,
      looks: [look].flat(),
      destinations: destinations.map(({ name }) => name!).filter((name) => name !== 'results'),
    });
    try {
      await steps();
    } finally {
      await alarms.close();
      await notices.close();
    }
  }

  it('once when it has lasted for two looks, once when it is over; what passes by itself is not', async () => {
    const server = await httpServer(() => ({ status: 200 }));
    const wrong = new Map<string, string>([
      ['condition|a|receiving', 'a: Images are refused (A700): the disk is full'],
    ]);
    const blips = ['condition|a|queue'];
    let looks = 0;
    const look: AlarmLook = {
      scope: 'condition|a|',
      everyMs: 20,
      times: 2,
      async now() {
        looks += 1;
        const blip = blips.pop();
        return new Map([...wrong, ...(blip ? [[blip, 'a: The queue does not answer'] as const] : [])]);
      },
    };
    try {
      await watching(look, [hook('chat', server.url), hook('results', server.url, ['flagged'])], async () => {
        await until(() => server.requests.length === 1);
        const before = looks;
        await until(() => looks > before + 5);
        wrong.clear();
        await until(() => server.requests.length === 2);
      });
      const [begun, over] = saidTo(server);
      assert.equal(begun!.said[0], 'a: Images are refused (A700): the disk is full');
      assert.match(over!.said[0]!, /^OVER: a: Images are refused/);
      assert.deepEqual([begun!.event, begun!.caseId], ['alarm', null]);
      const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
      assert.equal(new Set(keys).size, 2);
      const trail = await db.database
        .knex('auditEvent')
        .whereIn('event', ['ALARM_BEGAN', 'ALARM_OVER'])
        .pluck('event');
      assert.deepEqual(trail, ['ALARM_BEGAN', 'ALARM_OVER']);
      assert.ok((await verifyAudit(db.database.knex)).ok);
    } finally {
      await server.close();
    }
  });

  it('a receiver that is down hears of it when it is back; where it cannot be looked, nothing is over', async () => {
    let isDown = true;
    const server = await httpServer(() => ({ status: isDown ? 503 : 200 }));
    let fails = false;
    const look: AlarmLook = {
      scope: 'away|',
      everyMs: 20,
      times: 1,
      async now() {
        if (fails) throw new Error('the database does not answer');
        return new Map([['away|b', 'The agent b is away']]);
      },
    };
    try {
      await watching(look, [hook('chat', server.url)], async () => {
        await until(() => server.requests.length >= 2);
        fails = true;
        isDown = false;
        const { knex } = db.database;
        await until(async () => (await knex('notice').where({ state: 'stored' })).length === 1);
        assert.equal((await knex('alarmEpisode').whereNull('endedAt')).length, 1);
      });
    } finally {
      await server.close();
    }
  });

  it('the conditions of this agent, as pages and /readyz have them', async () => {
    const server = await httpServer(() => ({ status: 200 }));
    const config = { ...configOf([hook('chat', server.url)]), dataDir: db.config.dataDir };
    const queues = await openQueues(config, db.database, quietLog);
    const parts = { config, database: db.database, queues, refusal: () => 'less than 512 MiB are free' };
    const looks = alarmLooks(parts, 20).filter(({ scope }) => !scope.startsWith('quality'));
    try {
      await watching(looks, [hook('chat', server.url)], () =>
        until(() => server.requests.length > 0).then(() => undefined),
      );
      assert.match(saidTo(server)[0]!.said[0]!, /Images are refused \(A700\): less than 512 MiB are free/);
    } finally {
      await queues.close();
      await server.close();
    }
  });
});
