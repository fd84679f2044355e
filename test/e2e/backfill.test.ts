import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../config/schema.js';
import { type BackfillStudyRow, listBackfillStudies } from '../../db/tables/backfillStudies.js';
import { findBackfills } from '../../db/tables/backfills.js';
import { listCases } from '../../db/tables/cases.js';
import { findPairing } from '../../db/tables/pairings.js';
import { type AnsweringScp, answeringScp } from '../deliver/answeringScp.js';
import { drawing, type Invented, invent, keepIn, scan } from '../query/site.js';
import { type CalcidiscProcess, startCalcidisc } from '../support/calcidiscProcess.js';
import { calcidisc } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

/** Of an MR study that names the lumbar spine and is read. */
const READ = 4;

/** What figures are told apart by. */
const SAID = {
  Manufacturer: 'ACME',
  ManufacturerModelName: 'Spine 1.5',
  PatientSex: 'F',
  PatientSize: '1.70',
  PatientWeight: '80',
};

describe('backfill: studies of the past from a real Orthanc, read and sent nowhere', function () {
  this.timeout(300_000);
  let orthanc: RunningOrthanc;
  let test: TestDatabase;
  let spine: Awaited<ReturnType<typeof drawing>>;
  let pacs: AnsweringScp;
  let service: CalcidiscProcess | undefined;
  let config: ConfigInput & { dataDir: string };
  const studies: Invented[] = [];
  let ct: Invented;

  before(async function () {
    needsPeer(this, 'orthanc');
    const port = await freePort();
    orthanc = await startOrthanc({ modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] } });
    test = await createTestDatabase();
    spine = await drawing();
    pacs = await answeringScp(0x0000);
    const { dataDir, database } = test.config;
    config = {
      dataDir,
      database: { url: database.url! },
      queue: { sweepMs: 500 },
      dicom: { port },
      http: { port: 0 },
      assemble: { studyQuietMs: 1_500 },
      query: {
        sources: [{ name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort }],
        recountMs: 200,
        priors: { firstRetryMs: 500, maxRetryMs: 1_000 },
      },
      route: { destinations: [{ name: 'out', aeTitle: 'OUT', host: '127.0.0.1', port: pacs.port }] },
    };
    await writeFile(join(dataDir, 'site.json'), JSON.stringify(config));
    for (let i = 0; i < READ; i++)
      studies.push(await spine.draw('MR', `B${i}`, `2024010${i + 1}`, i < 2 ? SAID : {}));
    ct = await spine.draw('CT', 'B1', '20240120');
    const knee = invent('MR', 'K', '20240102', { BodyPartExamined: 'KNEE', SeriesDescription: 'pd sag' });
    const axial = invent('MR', 'X', '20240103', { ImageOrientationPatient: '1\\0\\0\\0\\1\\0' });
    const later = await spine.draw('MR', 'L', '20240301');
    await keepIn(orthanc, ...studies, ct, knee, axial, later);
  });
  after(async () => {
    await service?.stop();
    pacs?.close();
    await test?.close();
    await orthanc?.stop();
    await spine?.close();
  });

  const knex = () => test.database.knex;
  const command = (...args: string[]) =>
    calcidisc(['--config', join(config.dataDir, 'site.json'), 'backfill', ...args], { cwd: config.dataDir });
  const rows = async (): Promise<BackfillStudyRow[]> => {
    const [row] = await findBackfills(knex(), null);
    return row ? listBackfillStudies(knex(), row.id) : [];
  };
  const stateOf = async (study: Invented) =>
    (await rows()).find((row) => row.studyInstanceUid === study.studyInstanceUid)?.state;

  it('what cannot be asked for is refused with what to do', async () => {
    const today = new Date().toISOString().slice(0, 10);
    assert.match((await command('--from', '2024-01-01', '--to', today)).stderr, /--to is before today/);
    assert.match((await command('--from', '2024-02-01', '--to', '2024-01-01')).stderr, /is after --to/);
    assert.match(
      (await command('--from', '2024-01-01', '--to', '2024-01-31', '--source', 'other')).stderr,
      /--source is one of pacs/,
    );
    assert.equal((await command('show')).code, 3);
  });

  it('a study that was here before is left out; killed in the middle it goes on', async () => {
    service = await startCalcidisc('up', config);
    // Live, and its result goes out: the backfill leaves it alone.
    await scan(studies[0]!, service.dicomPort);
    const asked = await command('--from', '2024-01-01', '--to', '2024-01-31', '--no-watch');
    assert.match(asked.stdout, /^Backfill [0-9a-f]{8}; nothing of it is sent\./, asked.stderr);
    const again = await command('--from', '2024-01-01', '--to', '2024-01-31', '--no-watch');
    assert.match(again.stdout, /goes on; nothing of it is sent\./);
    await until(async () => (await rows()).some(({ state }) => state === 'fetching'), 60_000);
    await service.kill();
    service = await startCalcidisc('up', config);
    await until(async () => (await rows()).filter(({ state }) => state === 'reading').length > 0, 60_000);
    assert.ok((await rows()).filter(({ state }) => state === 'reading' || state === 'fetching').length <= 2);
  });

  it('every study is read once or left out with its reason; the CT of the weeks around came with its MR', async () => {
    const { stdout, code } = await command('--from', '2024-01-01', '--to', '2024-01-31');
    assert.equal(code, 0);
    assert.match(stdout, /6 studies found: 3 read, 3 left out, 0 failed, 0 to go/);
    assert.match(stdout, /1: it was here before the backfill/);
    assert.match(stdout, /1: its series name another part of the body/);
    assert.match(stdout, /1: none of its series is one to be read/);
    assert.match(stdout, /Acceptance report: acceptance-[0-9a-f]{8}.acceptance.html/);
    const [folder] = (await readdir(config.dataDir)).filter((name) => name.startsWith('acceptance-'));
    const made = join(config.dataDir, folder!);
    if (process.env.ACCEPTANCE_OUT) await cp(made, process.env.ACCEPTANCE_OUT, { recursive: true });
    const {
      studies: said,
      cases: judged,
      by,
    } = JSON.parse(await readFile(join(made, 'acceptance.json'), 'utf8'));
    assert.deepEqual(said.slice(0, 2), [
      ['found at the source', 6],
      ['read', 3],
    ]);
    // The live one of the same days is among them.
    assert.deepEqual([judged.all, judged.reported], [4, 4]);
    const { scanner, sex, bmi } = by;
    const groups = [scanner, sex, bmi].map((all: { group: string; studies: number }[]) =>
      all.map((each) => [each.group, each.studies]),
    );
    assert.deepEqual(groups, [
      [
        ['ACME Spine 1.5', 2],
        ['unknown', 2],
      ],
      [
        ['female', 2],
        ['unknown', 2],
      ],
      [
        ['25 to 29.9', 2],
        ['unknown', 2],
      ],
    ]);
    assert.equal(await stateOf(studies[0]!), 'left-out');
    const cases = await listCases(knex());
    assert.equal(cases.length, READ);
    const paired = cases.find((row) => row.mrStudyInstanceUid === studies[1]!.studyInstanceUid)!;
    assert.equal(
      (await findPairing(knex(), paired.id, paired.revision))?.ctSeriesInstanceUid,
      ct.seriesInstanceUid,
    );
    assert.deepEqual(new Set(cases.map(({ revision }) => revision)), new Set([1]));
    const moved = await knex()('backfillSeries').select('state', 'completed', 'seriesInstanceUid');
    assert.ok(
      moved.every(({ state }) => state === 'moved'),
      JSON.stringify(moved),
    );
    // Two studies were under way when it was killed: no more than what was being sent then came a second time.
    const again = await knex()('instance').where('duplicates', '>', 0).distinct('seriesInstanceUid');
    assert.ok(again.length <= 2, JSON.stringify(again));
  });

  it('nothing of it was sent but the live study, which was; nothing is sent when the site asks for what was silent', async () => {
    const live = (await listCases(knex(), { mrStudyInstanceUid: studies[0]!.studyInstanceUid }))[0]!;
    await until(async () => (await listCases(knex(), { states: ['delivered'] })).length === 1, 30_000);
    assert.equal((await listCases(knex(), { states: ['delivered'] }))[0]!.id, live.id);
    assert.deepEqual((await listCases(knex(), { states: ['reported'] })).length, READ - 1);
    // Killed while it was sent, the live one comes a second time: as the same objects.
    const objects = new Set(pacs.received);
    assert.equal(objects.size, 2, 'SR and picture of the live one');
    const [route] = await knex()('result').where({ mode: 'silent' }).select('why');
    assert.match(route.why, /^the backfill [0-9a-f]{8} read it, and sends nothing$/);
  });

  it('asked for again it has nothing to do: all of it is here', async () => {
    const { stdout } = await command('--from', '2024-01-01', '--to', '2024-01-31');
    assert.match(stdout, /6 studies found: 0 read, 6 left out/);
    assert.equal((await listCases(knex())).length, READ);
  });

  it('one that was stopped has nothing more sent, and goes on when it is asked for again', async () => {
    await service!.stop();
    service = undefined;
    await command('--from', '2024-03-01', '--to', '2024-03-31', '--no-watch');
    const [row] = await findBackfills(knex(), null);
    assert.match((await command('stop', row!.id.slice(0, 8))).stdout, /^stopped/);
    service = await startCalcidisc('up', config);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal((await rows()).length, 0);
    assert.match((await command('list')).stdout, /stopped, asked for up to no day yet/);
    await command('--from', '2024-03-01', '--to', '2024-03-31', '--no-watch');
    await until(async () => (await rows())[0]?.state === 'reading', 30_000);
  });

  it('a person lets its results go: then they are sent', async () => {
    await until(async () => (await rows())[0]?.state === 'done', 60_000);
    const [row] = await findBackfills(knex(), null);
    const before = pacs.received.length;
    const said = await command('release', row!.id, '--reason', 'the referrer asked for them');
    assert.match(said.stdout, /^1 reports go/, said.stderr);
    await until(async () => pacs.received.length === before + 2, 30_000);
    assert.match((await command('release', row!.id, '--reason', 'again')).stderr, /were let go already/);
  });
});
