import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { outcomeOfAck } from '../../agent/deliver/channels/hl7.js';
import { testAuthority } from '../support/certificates.js';
import { useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';
import { hl7Receiver } from './hl7Receiver.js';

const ris = (port: number, more: object = {}): DestinationInput => ({
  name: 'ris',
  channel: 'hl7',
  host: '127.0.0.1',
  port,
  timeoutMs: 400,
  receivingApplication: 'RIS',
  ...more,
});

describe('deliver: HL7 over MLLP', function () {
  this.timeout(60_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  before(async function () {
    needsPeer(this, 'hl7');
    folder = await testFolder();
  });
  after(() => folder?.remove());

  it('is read by another house’s library, names in every script and all', async () => {
    const server = await hl7Receiver(['AA']);
    try {
      const patient = {
        name: 'Müller^Zoë|A&B=王^小东',
        id: 'P1',
        issuerOfPatientId: '',
        birthDate: null,
        sex: 'F',
      };
      const sent = await channelCase(db, [ris(server.port)], { patient });
      assert.equal(await sent.deliver(), 'delivered');
      const [message, ...more] = server.messages;
      assert.deepEqual([more.length, message!.status], [0, ['P']]);
      assert.deepEqual(new Set(message!.names), new Set(['MSH', 'PID', 'OBR', 'NTE', 'OBX']));
      assert.match(message!.patient, /^Müller\^Zoë\\F\\A\\T\\B\^.*~王\^小东/);
      const [delivery] = await sent.deliveries();
      assert.deepEqual([delivery!.lastStatus, delivery!.forms], ['AA', ['oru']]);
      const kept = await db.database
        .knex('deliveryForm')
        .where({ deliveryId: delivery!.id })
        .first('message');
      assert.equal(kept.message.toString('utf8'), message!.text, 'what was sent is kept');
    } finally {
      await server.close();
    }
  });

  it('a word that was lost on the way is asked for again by the same control id', async () => {
    const server = await hl7Receiver(['cut', 'hang', 'garbage', 'wrong', 'AR', 'AA']);
    try {
      const sent = await channelCase(db, [ris(server.port)]);
      assert.equal(await sent.untilSettled(), 'delivered');
      assert.deepEqual(
        server.messages.map(({ answered }) => answered),
        ['cut', 'hang', 'garbage', 'wrong', 'AR', 'AA'],
      );
      assert.equal(new Set(server.messages.map(({ controlId }) => controlId)).size, 1);
      assert.equal(new Set(server.messages.map(({ text }) => text)).size, 1, 'the same message');
    } finally {
      await server.close();
    }
  });

  it('AE parks with the receiver’s reason, and is sent again on a person’s word', async () => {
    const server = await hl7Receiver(['AE:101', 'AA']);
    try {
      const sent = await channelCase(db, [ris(server.port)]);
      assert.match(Object(await sent.untilSettled()).parked, /^ris: ris answered AE: 101/);
      assert.equal(await sent.deliver(), 'delivered');
      assert.equal(server.messages.length, 2);
    } finally {
      await server.close();
    }
  });

  it('speaks TLS to whom its authority vouches for', async function () {
    needsPeer(this, 'openssl');
    const own = await (await testAuthority(folder.dir)).issue('ris');
    const server = await hl7Receiver(['AA'], own);
    try {
      const stranger = await channelCase(db, [ris(server.port, { tls: true })]);
      assert.ok('retryAt' in Object(await stranger.deliver()));
      const sent = await channelCase(db, [ris(server.port, { tls: true, caFile: own.caFile })]);
      assert.equal(await sent.deliver(), 'delivered');
      assert.equal(server.messages.length, 1);
    } finally {
      await server.close();
    }
  });

  it('writes the site’s own message; one that cannot be read waits until it is mended', async () => {
    const server = await hl7Receiver(['AA']);
    const templateFile = await folder.file('ris.hl7', 'MSH|^~\\&|{{controlId}}\nZAI|{{patient.nmae}}\n');
    try {
      const sent = await channelCase(db, [ris(server.port, { templateFile })]);
      assert.ok('retryAt' in Object(await sent.deliver()));
      assert.match(
        (await sent.deliveries())[0]!.lastError!,
        /ris\.hl7:2:5: \{\{patient\.nmae\}\} is no placeholder/,
      );
      await writeFile(
        templateFile,
        'MSH|^~\\&|AI||||{{now}}||ORU^R01^ORU_R01|{{controlId}}|P|2.5.1\r\n' +
          'PID|1||{{patient.identifier}}||{{patient.name}}\r\nOBR|1||{{accession}}|{{procedure}}\r\n' +
          '{{#isFlagged}}\r\nOBX|1|ST|AIFLAG||{{urgency}}: {{flagged}}||||||{{status}}\r\n{{/isFlagged}}\r\n',
      );
      assert.equal(await sent.untilSettled(), 'delivered');
      await until(() => server.messages.length === 1);
      assert.deepEqual(server.messages[0]!.obx, ['routine: L4-L5']);
    } finally {
      await server.close();
    }
  });

  describe('what an acknowledgement means', () => {
    const rows: [ack: string, outcome: string][] = [
      ['MSH|x\rMSA|AA|1', 'stored'],
      ['MSH|x\rMSA|CA|1', 'stored'],
      ['MSH|x\rMSA|AE|1\rERR||PID^1^3|204^Unknown key|E', 'refused'],
      ['MSH|x\rMSA|AR|1\rERR|||207^Application error|E', 'again'],
      ['MSH|x\rMSA|AR|1', 'again'],
      ['MSH|x\rMSA|AR|1\rERR|||203^Unsupported version|E', 'refused'],
      ['MSH|x', 'refused'],
    ];
    for (const [ack, outcome] of rows)
      it(`${ack.replaceAll('\r', ' ')}: ${outcome}`, () => {
        const said = outcomeOfAck('ris', ack);
        assert.equal(
          said.kind === 'failed' ? (said.error.permanent ? 'refused' : 'again') : said.kind,
          outcome,
        );
      });
  });
});
