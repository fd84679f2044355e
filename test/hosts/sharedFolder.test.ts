import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newUid } from '../../agent/dicom/uid.js';
import { openFiles } from '../../agent/holders/files.js';
import { sharedPathOf } from '../../agent/holders/shared.js';
import { announceStore } from '../../agent/holders/store.js';
import { spoolNumber } from '../../agent/receive/spoolNumber.js';
import { checkAgents } from '../../cli/doctor/agents.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { claimReading } from '../../db/tables/readings.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import { quietLog, useDatabase } from '../support/database.js';

const PIXELS = 'the file of an image';

describe('a folder that all agents share: whoever takes a step reads the file where it lies', () => {
  const db = useDatabase();
  const knex = () => db.database.knex;
  let dir: string;
  /** As each of the two has it mounted. */
  const mount = { a: '', b: '' };
  const store = { a: 0, b: 0 };
  const config = (name: 'a' | 'b', agents: ConfigInput['agents'] = {}) =>
    parseConfig({
      dataDir: join(mount[name], name),
      agents: { name, sharedFolder: mount[name], ...agents },
    });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-shared-'));
    mount.a = join(dir, 'mount');
    mount.b = join(dir, 'elsewhere');
    await mkdir(mount.a);
    await symlink(mount.a, mount.b);
    for (const name of ['a', 'b'] as const) {
      store[name] = await spoolNumber(join(mount.a, name, 'spool'));
      await mkdir(join(mount.a, name, 'spool', 'incoming'), { recursive: true });
      const announced = await announceStore(config(name), db.database, store[name], quietLog);
      await announced.close();
    }
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** An image that came to a, which is not there any more, and a series of it that is to be read. */
  async function imageOfA() {
    const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
    await knex()('study').insert({ studyInstanceUid });
    await knex()('series').insert({
      seriesInstanceUid,
      studyInstanceUid,
      modality: 'MR',
      state: 'complete',
      role: 'mr',
      contentSha256: 'c',
      holder: store.a,
    });
    const spoolPath = join('spool', `${seriesInstanceUid}.dcm`);
    await writeFile(join(mount.a, 'a', spoolPath), PIXELS);
    const id = '00000000-0000-4000-8000-000000000001';
    await knex()('seriesReading').delete();
    await knex()('seriesReading').insert({
      id,
      seriesInstanceUid,
      modality: 'MR',
      contentSha256: 'c',
      readerSha256: 'reader',
      localiserName: 'localiser',
      localiserVersion: '1',
      localiserSha256: 'd',
    });
    const image = {
      sopInstanceUid: newUid(),
      spoolPath,
      store: store.a,
      sizeBytes: PIXELS.length,
      purgedAt: null,
    };
    return { image, id, seriesInstanceUid };
  }
  const filesOfB = (sharedFolder: string | undefined = mount.b) =>
    openFiles({
      database: db.database,
      dataDir: join(mount.b, 'b'),
      store: store.b,
      secret: null,
      sharedFolder,
    });

  it('b reads what came to a, by its own mount, while a is away; without the folder it cannot', async () => {
    const { image } = await imageOfA();
    const text = await filesOfB().using([image], ([path]) => readFile(path!, 'utf8'));
    assert.equal(text, PIXELS);
    const never = () => assert.fail('there is no file to work with');
    const alone = openFiles({
      database: db.database,
      dataDir: join(mount.b, 'b'),
      store: store.b,
      secret: null,
    });
    await assert.rejects(alone.using([image], never), { code: 'HOLDER_AWAY' });
    // Half of a file, or none: not whole, so not there.
    await writeFile(join(mount.a, 'a', image.spoolPath), PIXELS.slice(1));
    await assert.rejects(filesOfB().using([image], never), { code: 'HOLDER_AWAY', permanent: false });
  });

  it('a series whose holder is away is read by another agent and waited for by nobody, but where its files are not there', async () => {
    const { id } = await imageOfA();
    assert.equal(
      await claimReading(knex(), 'reader', [], store.b, false),
      null,
      'who does not share leaves it',
    );
    assert.deepEqual(await listAwayStores(knex()), []);
    assert.equal((await claimReading(knex(), 'reader', [], store.b, true))?.id, id);
    await knex()('seriesReading').update({ state: 'due', lastErrorCode: 'HOLDER_AWAY' });
    assert.deepEqual(
      (await listAwayStores(knex())).map(({ name, series }) => [name, series]),
      [['a', 1]],
    );
  });

  it('a start says when the data folder does not lie in it, and doctor when another one’s is not seen', async () => {
    assert.equal(await sharedPathOf(config('b')), 'b');
    const outside = parseConfig({ dataDir: dir, agents: { sharedFolder: mount.a } });
    await assert.rejects(sharedPathOf(outside), { code: 'SHARED_FOLDER', message: /has to lie in/ });
    const gone = parseConfig({ dataDir: dir, agents: { sharedFolder: join(dir, 'none') } });
    await assert.rejects(sharedPathOf(gone), { code: 'SHARED_FOLDER', message: /cannot be seen \(ENOENT\)/ });
    const shared = async () =>
      (await checkAgents(knex(), config('b'))).filter(({ what }) => what === 'shared folder');
    assert.deepEqual(
      (await shared()).map(({ verdict, detail }) => [verdict, detail]),
      [['ok', `2 data folders are seen in ${mount.b}`]],
    );
    await writeFile(join(mount.a, 'a', 'spool', 'number'), '7\n');
    const [other] = await shared();
    assert.deepEqual(
      [other!.verdict, /another data folder than that of a/.test(other!.detail)],
      ['failed', true],
    );
  });
});
