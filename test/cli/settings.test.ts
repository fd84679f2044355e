import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examineFile } from '../../cli/doctor/checks.js';
import type { Finding } from '../../cli/doctor/finding.js';
import { startService } from '../../cli/service.js';
import { loadConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { openDatabase } from '../../db/server/database.js';
import { expiredPair, testAuthority } from '../support/certificates.js';
import { calcidisc } from '../support/command.js';
import { createEmptyDatabase, createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { olderDatabase } from '../support/olderDatabase.js';
import { needsPeer } from '../support/peers.js';
import { testReceiver } from '../support/receiver.js';
import { LIGHTS, lightOf, lineOf, STATES, says } from './lights.js';
import { type Arrangement, SETTINGS, type SettingRow, type Substitutes, settle } from './settingsTable.js';

/** One world for all rows: files, peers and ports that are wrong in each row's own way. */
class World {
  private readonly closings: (() => Promise<unknown> | unknown)[] = [];
  private certificates: Promise<Substitutes> | null = null;
  private peers: Promise<Substitutes> | null = null;

  constructor(readonly dir: string) {}

  async close(): Promise<void> {
    for (const close of this.closings.reverse()) await close();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** A configuration as a file says it, before it is read. */
  async input(row: SettingRow, index: number): Promise<ConfigInput> {
    const { arrange = 'load', config = {} } = row;
    const dataDir = join(this.dir, `row-${index}`);
    const here = { dataDir, dicom: { port: await freePort() }, http: { port: await freePort() } };
    const substitutes = await this.substitutes(arrange);
    const settled = settle(config, substitutes) as Record<string, object>;
    const merged: ConfigInput = {
      ...here,
      ...settled,
      dicom: { ...here.dicom, ...settled.dicom },
      http: { ...here.http, ...openOn(settled.http), ...settled.http },
    };
    return { ...merged, ...(await this.arranged(arrange, merged, dataDir)) };
  }

  private async substitutes(arrange: Arrangement): Promise<Substitutes> {
    if (arrange === 'certificates') {
      this.certificates ??= this.files();
      return this.certificates;
    }
    if (arrange !== 'peers') return {};
    this.peers ??= this.startPeers();
    return this.peers;
  }

  private async files(): Promise<Substitutes> {
    const { issue } = await testAuthority(this.dir);
    const [one, two] = [await issue('one'), await issue('two')];
    const old = await expiredPair(this.dir);
    const noPem = join(this.dir, 'no-pem');
    await writeFile(noPem, 'certificate');
    return {
      cert: one.certFile,
      key: one.keyFile,
      otherKey: two.keyFile,
      oldCert: old.certFile,
      oldKey: old.keyFile,
      noPem,
      nowhere: join(this.dir, 'nowhere'),
    };
  }

  private async startPeers(): Promise<Substitutes> {
    const pacs = await testReceiver({ aeTitle: 'PACS' });
    const strict = await testReceiver({ aeTitle: 'PACS', allowedCallingAEs: ['SOMEBODY'] });
    this.closings.push(
      () => pacs.close(),
      () => strict.close(),
    );
    const web = createWebServer((_request, response) => response.end('hello'));
    return { pacs: pacs.port, strict: strict.port, web: await this.listen(web) };
  }

  private async arranged(arrange: Arrangement, input: ConfigInput, dataDir: string): Promise<ConfigInput> {
    switch (arrange) {
      case 'dicomPortTaken':
        return {
          dicom: {
            ...input.dicom,
            port: await this.listen(createServer((socket) => socket.end('220 mail'))),
          },
        };
      case 'hl7PortTaken':
        return { hear: { hl7: { port: await this.listen(createServer()) } } };
      case 'httpPortTaken':
        return {
          http: { ...input.http, port: await this.listen(createWebServer((_, answer) => answer.end('{}'))) },
        };
      case 'dataDirIsFile':
        await writeFile(dataDir, '');
        return {};
      case 'foreignDatabaseFolder':
        await mkdir(join(dataDir, 'postgres/data'), { recursive: true });
        await chown(join(dataDir, 'postgres/data'), 54_321, 54_321);
        return {};
      case 'databaseNewer':
        return { database: { url: await newerDatabase() } };
      case 'databaseOlder':
        return { database: { url: await olderDatabase('0003') } };
      default:
        return {};
    }
  }

  private listen(server: Server): Promise<number> {
    this.closings.push(() => void server.close());
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  }
}

async function newerDatabase(): Promise<string> {
  const url = await createEmptyDatabase();
  const database = await openDatabase({ dataDir: '', database: { url, poolSize: 4 } }, quietLog);
  const tomorrow = { name: '9999_tomorrow', batch: 9, migration_time: new Date() };
  await database.knex('schema_migration').insert(tomorrow);
  await database.close();
  return url;
}

describe('wrong settings: what the start, the doctor, /readyz and the page say of each (docs/lights.md)', function () {
  this.timeout(120_000);
  let world: World;
  let shared: TestDatabase;
  before(async () => {
    world = new World(await mkdtemp(join(tmpdir(), 'calcidisc-settings-')));
    shared = await createTestDatabase();
  });
  after(async () => {
    await shared.close();
    await world.close();
  });

  /** The row as a configuration file; what says nothing of a database gets one that is there and empty of cases. */
  const fileOf = async (row: SettingRow, index: number): Promise<string> => {
    const file = join(world.dir, `${index}.json`);
    const isAlone = (row.arrange ?? 'load') === 'load';
    const input = isAlone ? (row.config ?? {}) : await world.input(row, index);
    const database = isAlone || OWN_DATABASE.has(row.what) ? {} : { database: shared.config.database };
    await writeFile(file, (row.mark ?? '') + (row.file ?? JSON.stringify({ ...database, ...input })));
    return file;
  };

  for (const [index, row] of SETTINGS.entries())
    it(row.what, async function () {
      if (row.arrange === 'certificates') needsPeer(this, 'openssl');
      if (row.arrange === 'foreignDatabaseFolder' && process.getuid?.() !== 0) return;
      const file = await fileOf(row, index);
      const light = lightOf(row.what);
      const findings = await examineFile({ ...row.env }, file);
      const lines = findings.map(lineOf);
      assert.ok(
        !JSON.stringify(findings).includes('secret'),
        'no password in what people paste into tickets',
      );
      if (light.doctor !== '–')
        assert.ok(
          lines.some((line) => says(line, light.doctor)),
          `${light.doctor}\n${lines.join('\n')}`,
        );
      const { start, ready } = await startOf(file, row.env ?? {});
      assert.ok(says(start, light.start), `${light.start}\n${start}`);
      assert.ok(!start.includes('\n'), start);
      assert.ok(says(ready, light.ready), `${light.ready}\n${ready}`);
    });

  it('has forty and more of them, and no other stands in docs/lights.md but the states', () => {
    assert.ok(SETTINGS.length >= 40, `${SETTINGS.length}`);
    const walked = new Set([...SETTINGS.map(({ what }) => what), ...STATES]);
    assert.deepEqual([...LIGHTS.keys()].toSorted(), [...walked].toSorted());
  });

  it('a process that cannot start ends with 1 and one sentence, and leaves nothing behind', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const env = {
      CALCIDISC_DATA: join(world.dir, 'nothing'),
      CALCIDISC_DICOM_PORT: `${(taken.address() as AddressInfo).port}`,
    };
    const { code, stderr } = await calcidisc(['up'], { env });
    const doctor = await calcidisc(['doctor', '--json'], { env });
    taken.close();
    assert.equal(code, 1);
    assert.match(stderr, /^calcidisc: DICOM listener .*CALCIDISC_DICOM_PORT.*\n$/);
    assert.equal(doctor.code, 1);
    assert.equal(doctor.json<{ ok: boolean }>().ok, false);
  });

  it('doctor gives its JSON also of a configuration that cannot be read', async () => {
    const doctor = await calcidisc(['doctor', '--json'], { env: { CALCIDISC_DICOM_PORT: 'dicom' } });
    assert.equal(doctor.code, 1, doctor.stderr);
    assert.match(doctor.json<{ findings: Finding[] }>().findings[0]!.detail, /CALCIDISC_DICOM_PORT/);
  });
});

/** Without a word on who may look the page is shown here, so that what it says can be read. */
function openOn(http: { readonly host?: string } = {}): { readonly access?: 'loopback-open' } {
  return http.host === undefined ? { access: 'loopback-open' } : {};
}

/** Rows whose point is the database itself. */
const OWN_DATABASE: ReadonlySet<string> = new Set(['no database yet', 'a database folder of another owner']);

/** A start as `calcidisc agent` makes it, asked for /readyz and its page, and ended. */
async function startOf(file: string, env: Readonly<Record<string, string>>) {
  try {
    const service = await startService(loadConfig(env, file), quietLog, { agent: true, worker: false });
    try {
      return { start: 'starts', ready: await readyOf(service.httpPort!) };
    } finally {
      await service.close();
    }
  } catch (error) {
    return { start: (error as Error).message, ready: '–' };
  }
}

/** What /readyz says; the page has to say the same. */
async function readyOf(port: number): Promise<string> {
  const get = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept: 'text/html' } })).text();
  const [ready, page] = await Promise.all([get('/readyz'), get('/')]);
  const { status } = JSON.parse(ready!) as { status: string };
  const alerts = page.split('class="alert condition"').length - 1;
  assert.equal(alerts > 0, status !== 'ready', page);
  return status;
}
