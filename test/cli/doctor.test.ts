import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examine } from '../../cli/doctor/checks.js';
import type { Finding } from '../../cli/doctor/finding.js';
import { checkModels } from '../../cli/doctor/models.js';
import { pingRedis } from '../../cli/doctor/redis.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { createTestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { testReceiver } from '../support/receiver.js';

describe('calcidisc doctor', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-doctor-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const look = async (input: ConfigInput) => {
    const test = await createTestDatabase();
    try {
      const database = { url: test.config.database.url! };
      return await examine(parseConfig({ dataDir: dir, database, http: { port: 0 }, ...input }));
    } finally {
      await test.close();
    }
  };
  const verdicts = (findings: readonly Finding[], what: RegExp) =>
    findings.filter((each) => what.test(each.what)).map((each) => each.verdict);

  it('finds a running listener by its own title, a free port, and a port that is somebody else’s', async () => {
    const receiver = await testReceiver();
    const running = await look({ dicom: { port: receiver.port, minFreeDiskMiB: 0 } });
    assert.match(running.find((each) => /listener/.test(each.what))!.detail, /answers C-ECHO/);
    await receiver.close();
    const free = await look({ dicom: { port: receiver.port, minFreeDiskMiB: 0 } });
    assert.match(free.find((each) => /listener/.test(each.what))!.detail, /is free/);
    const other = createServer((socket) => socket.end('220 mail'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = await look({ dicom: { port: (other.address() as AddressInfo).port, minFreeDiskMiB: 0 } });
    assert.deepEqual(verdicts(taken, /listener/), ['failed']);
    other.close();
  });

  it('beside a service whose allow list would turn it away it does not call, so that nothing is refused', async () => {
    const strict = { allowedCallingAEs: ['MR1'] };
    const receiver = await testReceiver(strict);
    await look({ dicom: { port: receiver.port, minFreeDiskMiB: 0, ...strict } });
    await receiver.close();
    assert.deepEqual(receiver.seen.refusals, []);
  });

  it('asks each destination by C-ECHO and says what to do', async () => {
    const pacs = await testReceiver({ aeTitle: 'PACS' });
    const here = (name: string, aeTitle: string, port: number) => ({
      name,
      aeTitle,
      host: '127.0.0.1',
      port,
    });
    const destinations = [
      here('good', 'PACS', pacs.port),
      here('misnamed', 'OTHER', pacs.port),
      here('gone', 'GONE', await freePort()),
    ];
    const findings = await look({ route: { destinations } });
    assert.deepEqual(verdicts(findings, /^destination /), ['ok', 'failed', 'failed']);
    assert.match(findings.find((each) => /gone/.test(each.what))!.advice!, /firewall/);
    await pacs.close();
  });

  it('reports a database that does not answer, and the trail of one that does', async () => {
    const port = await freePort();
    const url = `postgres://nobody:secret@127.0.0.1:${port}/none`;
    const findings = await examine(parseConfig({ dataDir: dir, database: { url }, http: { port: 0 } }));
    assert.deepEqual(verdicts(findings, /^database/), ['failed']);
    assert.ok(!JSON.stringify(findings).includes('secret'), 'no password in what people paste into tickets');
    assert.deepEqual(verdicts(await look({}), /database|audit trail/), ['ok', 'ok']);
  });

  it('fails below the disk’s watermark', async () => {
    assert.deepEqual(verdicts(await look({ dicom: { minFreeDiskMiB: 1 << 30 } }), /data folder/), ['failed']);
  });

  it('notices a model that is not its card’s, and one that is missing', async () => {
    const place = join(dir, 'localiser', '1');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'model.onnx'), 'not the model');
    await writeFile(join(place, 'card.json'), JSON.stringify({ kind: 'localiser', sha256: '0'.repeat(64) }));
    const findings = await checkModels([dir]);
    assert.deepEqual(
      findings.map((each) => [each.what, each.verdict]),
      [
        ['model localiser/1', 'failed'],
        ['models', 'failed'],
      ],
    );
  });

  it('tells Redis from nobody and from something else', async () => {
    const answers = async (text: string) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(text));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { verdict } = await pingRedis(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
      server.close();
      return verdict;
    };
    assert.equal(await answers('+PONG\r\n'), 'ok');
    assert.equal(await answers('-NOAUTH Authentication required.\r\n'), 'ok');
    assert.equal(await answers('HTTP/1.1 400 Bad Request\r\n'), 'failed');
    assert.equal((await pingRedis(`redis://127.0.0.1:${await freePort()}`)).verdict, 'failed');
  });
});
