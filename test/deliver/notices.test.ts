import assert from 'node:assert/strict';
import { openNotices } from '../../agent/deliver/notices.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { parseConfig } from '../../config/load.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listNotices, unparkNotices } from '../../db/tables/notices.js';
import { park } from '../../db/work/steps.js';
import { quietLog, useDatabase } from '../support/database.js';
import { httpServer } from '../support/httpServer.js';
import { until } from '../support/until.js';
import { type DestinationInput, testFolder } from './channelRig.js';
import { insertReportedCase } from './reportedCase.js';

describe('deliver: a case that waits for a person is told of', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let secretFile: string;
  before(async () => {
    folder = await testFolder();
    secretFile = await folder.file('secret', 'k');
  });
  after(() => folder.remove());

  const hook = (name: string, url: string, more: object = {}): DestinationInput => ({
    name,
    channel: 'webhook',
    url,
    secretFile,
    timeoutMs: 20_000,
    ...more,
  });
  const parkOne = async () => {
    const { row } = await insertReportedCase(db.database);
    const why = new CalcidiscError('DESTINATION_REFUSED', 'of Doe^Jane');
    await db.database.knex.transaction((trx) => park(trx, row as CaseRow, why));
    return row.id;
  };
  const open = async (...destinations: DestinationInput[]) => {
    const { dicom, deliver, route } = parseConfig({ route: { destinations }, deliver: { firstRetryMs: 1 } });
    return openNotices({ config: { dicom, deliver, route }, database: db.database, log: quietLog });
  };
  const states = async (id: string) =>
    (await listNotices(db.database.knex, id))
      .map(({ destination, state }) => `${destination} ${state}`)
      .toSorted();

  it('once, from when the destination was named, and one that hangs holds up no other', async () => {
    const old = await parkOne();
    const [good, hanging] = [await httpServer(() => ({ status: 200 })), await httpServer(() => 'hang')];
    const notices = await open(
      hook('good', good.url),
      hook('hanging', hanging.url),
      hook('deaf', good.url, { events: ['flagged'] }),
    );
    notices.begin();
    try {
      const ids = [await parkOne(), await parkOne()];
      notices.wake();
      await until(() => good.requests.length === 2);
      for (const id of ids)
        await until(async () => (await states(id)).join() === 'good stored,hanging pending');
      assert.deepEqual(await states(old), []);
      const said = good.requests.map(({ body }) => JSON.parse(body.toString()));
      assert.deepEqual(said.map(({ caseId }) => caseId).toSorted(), ids.toSorted());
      assert.match(said[0].said.join(' '), /DESTINATION_REFUSED, after reported/);
      assert.doesNotMatch(JSON.stringify(said), /Doe|Jane/);
      assert.equal(hanging.requests.length, 1, 'one call at a time');
    } finally {
      await notices.close();
      good.close();
      hanging.close();
    }
  });

  it('what is refused for good is a person’s, and goes out again on the word', async () => {
    const server = await httpServer((_, count) => ({ status: count === 1 ? 400 : 200 }));
    const notices = await open(hook('picky', server.url));
    notices.begin();
    try {
      const id = await parkOne();
      notices.wake();
      await until(async () => (await states(id)).join() === 'picky parked');
      await unparkNotices(db.database.knex, id);
      await until(async () => (await states(id)).join() === 'picky stored');
      assert.equal(server.requests.length, 2);
    } finally {
      await notices.close();
      server.close();
    }
  });
});
