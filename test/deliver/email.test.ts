import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { testAuthority } from '../support/certificates.js';
import { useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { smtpSink } from '../support/smtpSink.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';

const mail = (port: number, more: object = {}): DestinationInput => ({
  name: 'mail',
  channel: 'email',
  host: '127.0.0.1',
  port,
  security: 'none',
  from: 'calcidisc@example.org',
  to: ['reading-room@example.org'],
  timeoutMs: 1_000,
  ...more,
});

describe('deliver: e-mail', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  before(async () => {
    folder = await testFolder();
  });
  after(() => folder.remove());

  it('says what was flagged and of which accession, and never of whom', async () => {
    const sink = await smtpSink([451, 250]);
    try {
      const sent = await channelCase(db, [mail(sink.port)]);
      assert.equal(await sent.untilSettled(), 'delivered');
      assert.equal(sink.mails.length, 1);
      const [text] = sink.mails;
      assert.match(text!, /^Subject: Calcidisc: calcification flagged \(research\): accession ACC-77\r$/m);
      assert.match(text!, /Calcification flagged at L4-L5/);
      assert.match(text!, /^Message-ID: <[\d.]+@calcidisc>\r$/m);
      assert.doesNotMatch(text!, /Doe|Jane|P-\d|1961/);
      assert.equal((await sent.deliveries())[0]!.attempts, 2);
    } finally {
      await sink.close();
    }
  });

  it('a mail server that refuses for good parks it with the code', async () => {
    const sink = await smtpSink([550]);
    try {
      const sent = await channelCase(db, [mail(sink.port)]);
      assert.match(Object(await sent.untilSettled()).parked, /^mail: mail answered 550/);
    } finally {
      await sink.close();
    }
  });

  it('goes by STARTTLS to whom its authority vouches for, and not in the open', async function () {
    needsPeer(this, 'openssl');
    const own = await (await testAuthority(folder.dir)).issue('mail');
    const [cert, key] = [await readFile(own.certFile), await readFile(own.keyFile)];
    const secure = await smtpSink([250], {
      cert,
      key,
      onAuth: ({ username, password }, _session, done) =>
        username === 'us' && password === 'pw' ? done(null, { user: username }) : done(new Error('no')),
    });
    const open = await smtpSink([250]);
    const passwordFile = await folder.file('pw', 'pw\n');
    const settings = { security: 'starttls', caFile: own.caFile, user: 'us', passwordFile };
    try {
      const sent = await channelCase(db, [mail(secure.port, settings)]);
      assert.equal(await sent.deliver(), 'delivered');
      const waiting = await channelCase(db, [mail(open.port, settings)]);
      assert.ok('retryAt' in Object(await waiting.deliver()));
      assert.deepEqual([secure.mails.length, open.mails.length], [1, 0]);
    } finally {
      await secure.close();
      await open.close();
    }
  });
});
