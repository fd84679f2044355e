import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examine } from '../../cli/doctor/checks.js';
import type { Finding } from '../../cli/doctor/finding.js';
import { refuseToStart } from '../../cli/doctor/start.js';
import { ConfigError, loadConfig } from '../../config/load.js';
import type { Config, ConfigInput } from '../../config/schema.js';
import { openDatabase } from '../../db/server/database.js';
import { type Identity, testAuthority } from '../support/certificates.js';
import { calcidisc } from '../support/command.js';
import { createEmptyDatabase, quietLog } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { olderDatabase } from '../support/olderDatabase.js';
import { needsPeer } from '../support/peers.js';
import { testReceiver } from '../support/receiver.js';
import { type Arrangement, SETTINGS, type SettingRow, type Substitutes, settle } from './settingsTable.js';

/** One world for all rows: files, peers and ports that are wrong in each row's own way. */
class World {
  private readonly closings: (() => Promise<unknown> | unknown)[] = [];
  private identities: Promise<readonly [Identity, Identity]> | null = null;
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
      http: { ...here.http, ...settled.http },
    };
    return { ...merged, ...(await this.arranged(arrange, merged, dataDir)) };
  }

  private async substitutes(arrange: Arrangement): Promise<Substitutes> {
    if (arrange === 'certificates') return this.files();
    if (arrange !== 'peers') return {};
    this.peers ??= this.startPeers();
    return this.peers;
  }

  private async files(): Promise<Substitutes> {
    this.identities ??= testAuthority(this.dir).then(
      async ({ issue }) => [await issue('one'), await issue('two')] as const,
    );
    const [one, two] = await this.identities;
    const noPem = join(this.dir, 'no-pem');
    await writeFile(noPem, 'certificate');
    return {
      cert: one.certFile,
      key: one.keyFile,
      otherKey: two.keyFile,
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

describe('wrong settings and states: what the start and the doctor say of each', function () {
  this.timeout(120_000);
  let world: World;
  before(async () => {
    world = new World(await mkdtemp(join(tmpdir(), 'calcidisc-settings-')));
  });
  after(() => world.close());

  /** @throws ConfigError as a start and every command do */
  const load = async (row: SettingRow, index: number): Promise<Config> => {
    const file = join(world.dir, `${index}.json`);
    const isAlone = (row.arrange ?? 'load') === 'load';
    const input = isAlone ? (row.config ?? {}) : await world.input(row, index);
    await writeFile(file, row.file ?? JSON.stringify(input));
    return loadConfig(row.env ?? {}, file);
  };
  const startOf = async (config: Config): Promise<string | null> =>
    refuseToStart(config, { agent: true }).then(
      () => null,
      (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        return error.message;
      },
    );

  for (const [index, row] of SETTINGS.entries())
    it(row.what, async function () {
      if (row.arrange === 'certificates') needsPeer(this, 'openssl');
      if (row.arrange === 'foreignDatabaseFolder' && process.getuid?.() !== 0) return;
      if ((row.arrange ?? 'load') === 'load') {
        if (row.start) await assert.rejects(load(row, index), oneSentence(row.start));
        else await load(row, index);
        return;
      }
      const config = await load(row, index);
      if (row.doctor) assertFinding(await examine(config), row.doctor);
      const said = await startOf(config);
      if (row.start === null) assert.equal(said, null);
      else assert.match(said ?? 'it starts', row.start);
    });

  it('has forty and more of them', () => assert.ok(SETTINGS.length >= 40, `${SETTINGS.length}`));

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
});

function oneSentence(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.match(error.message, pattern);
    assert.ok(!error.message.includes('\n'), error.message);
    return true;
  };
}

function assertFinding(
  findings: readonly Finding[],
  [what, verdict, says]: NonNullable<SettingRow['doctor']>,
): void {
  const found = findings.filter((each) => what.test(each.what));
  const lines = found.map((each) => [each.verdict, each.detail, each.setting, each.advice].join(' '));
  assert.ok(
    found.some((each, i) => each.verdict === verdict && says.test(lines[i]!)),
    lines.join('\n') || `nothing is said of ${what}`,
  );
  assert.ok(!JSON.stringify(findings).includes('secret'), 'no password in what people paste into tickets');
}
