import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { reportInput } from '../report/sample.js';
import { useDatabase } from '../support/database.js';
import { httpServer } from '../support/httpServer.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';

const QUIET = { discs: reportInput().discs.filter(({ level }) => level !== 'L4-L5') };

describe('deliver: webhook', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let secretFile: string;
  before(async () => {
    folder = await testFolder();
    secretFile = await folder.file('secret', 'k3y\n');
  });
  after(() => folder.remove());
  const hook = (url: string, more: object = {}): DestinationInput => ({
    name: 'hook',
    channel: 'webhook',
    url,
    secretFile,
    timeoutMs: 500,
    ...more,
  });

  it('is signed, names no patient, and a repetition is known by its key', async () => {
    const server = await httpServer((_, count) =>
      count === 1 ? 'cut' : count === 2 ? 'hang' : { status: 204 },
    );
    try {
      const sent = await channelCase(db, [hook(server.url)]);
      assert.equal(await sent.untilSettled(), 'delivered');
      assert.equal(server.requests.length, 3);
      assert.equal(new Set(server.requests.map(({ headers }) => headers['idempotency-key'])).size, 1);
      const { headers, body } = server.requests[2]!;
      const signed = createHmac('sha256', 'k3y').update(`${headers['x-calcidisc-timestamp']}.`).update(body);
      assert.equal(headers['x-calcidisc-signature'], `sha256=${signed.digest('hex')}`);
      const news = JSON.parse(body.toString());
      assert.deepEqual(
        [news.event, news.result.flagged, news.accessionNumber, news.caseId],
        ['flagged', ['L4-L5'], 'ACC-77', sent.row.id],
      );
      assert.doesNotMatch(body.toString(), /Doe|Jane|P-|1961/);
    } finally {
      server.close();
    }
  });

  it('hears of the events that it asked for, and of no others', async () => {
    const server = await httpServer(() => ({ status: 200 }));
    try {
      const uncertain = { localisation: { status: 'uncertain', reasons: ['no sacrum'] } } as const;
      for (const changes of [QUIET, {}, { ...QUIET, ...uncertain }]) {
        const sent = await channelCase(db, [hook(server.url, { events: ['uncertain'] })], changes);
        assert.equal(await sent.untilSettled(), 'delivered');
      }
      assert.deepEqual(
        server.requests.map(({ body }) => JSON.parse(body.toString()).event),
        ['uncertain'],
      );
    } finally {
      server.close();
    }
  });

  it('does not go unsigned: a secret that is not there is waited for', async () => {
    const server = await httpServer(() => ({ status: 200 }));
    const missing = `${folder.dir}/later`;
    try {
      const sent = await channelCase(db, [hook(server.url, { secretFile: missing })]);
      assert.ok('retryAt' in Object(await sent.deliver()));
      assert.equal(server.requests.length, 0);
      await folder.file('later', 'x');
      assert.equal(await sent.untilSettled(), 'delivered');
    } finally {
      server.close();
    }
  });
});
