import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { newUid } from '../../agent/dicom/uid.js';
import { inputFrom, type StoredInput } from '../../agent/report/stored.js';
import { type RunningService, startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import { listVerdicts } from '../../db/tables/readerVerdicts.js';
import { token } from '../access/rig.js';
import { insertRoutedCase } from '../deliver/reportedCase.js';
import { invent } from '../query/site.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';
import { serviceConfig } from '../support/service.js';
import { dicomMultipart, MULTIPART_DICOM, type StowOptions, stow } from '../support/stow.js';
import { until } from '../support/until.js';

const CORRECTION = join(projectRoot, 'test/fixtures/ohif-correction');
const SILENT = { mode: 'silent', rule: null, urgency: 'routine', sends: [], why: null } as const;

type DicomJson = Record<string, { Value: DicomJson[] & (string | number)[] }>;

describe('STOW-RS in', function () {
  this.timeout(120_000);
  let test: TestDatabase;
  let service: RunningService;
  let sender: string;
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-stow-'));
    test = await createTestDatabase();
    service = await startService(
      serviceConfig(test, {
        dicom: { port: 0, idleTimeoutMs: 1_500, remotes: [{ aeTitle: 'far', networks: ['192.0.2.0/24'] }] },
        http: { stow: { enabled: true, maxRequestMiB: 8 } },
        // Nothing but a released stack completes a series here.
        assemble: { quietPeriodMs: 600_000 },
      }),
      quietLog,
      { agent: true, worker: false },
    );
    sender = await token(test.database, 'modality', 'sender');
  });
  after(async () => {
    await service?.close();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const address = (study = '') =>
    `http://127.0.0.1:${service.httpPort}/dicom-web/studies${study && `/${study}`}`;
  const send = (files: readonly Uint8Array[], more: Partial<StowOptions> & { study?: string } = {}) =>
    stow({ url: address(more.study), token: sender, pieces: [dicomMultipart(files)], ...more });
  const knex = (table: string) => test.database.knex(table);
  const inIndex = async (uid: string) =>
    (await knex('instance').where({ sopInstanceUid: uid }).select('*'))[0];
  const failures = (text: string) =>
    ((JSON.parse(text) as DicomJson)['00081198']?.Value ?? []).map((each) => [
      each['00081155']!.Value[0],
      each['00081197']!.Value[0],
    ]);
  const stored = (text: string) =>
    ((JSON.parse(text) as DicomJson)['00081199']?.Value ?? []).map((each) => each['00081155']!.Value[0]);

  it('takes what is sent, byte for byte, and says so of each', async () => {
    const objects = [smallObject({ pixelBytes: 700_000 }), smallObject(), smallObject()];
    const { status, text } = await send(objects.map((each) => fileOf(each)));
    assert.equal(status, 200, text);
    assert.deepEqual(
      stored(text),
      objects.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    for (const each of objects) {
      const row = await until(() => inIndex(each.sopInstanceUid));
      const file = await readFile(join(test.config.dataDir, row.spoolPath));
      assert.ok(file.subarray(-each.dataset.length).equals(each.dataset));
      assert.equal(row.callingAe, 'modality');
    }
  });

  it('takes it in whatever pieces it comes', async () => {
    const object = smallObject({ pixelBytes: 2_000 });
    const body = dicomMultipart([fileOf(object), fileOf(smallObject())]);
    const pieces = Array.from({ length: Math.ceil(body.length / 7) }, (_, i) =>
      body.subarray(i * 7, i * 7 + 7),
    );
    const { status, text } = await send([], { pieces });
    assert.equal(status, 200, text);
    const row = await until(() => inIndex(object.sopInstanceUid));
    const file = await readFile(join(test.config.dataDir, row.spoolPath));
    assert.ok(file.subarray(-object.dataset.length).equals(object.dataset));
  });

  it('a request that is whole is a released association: its gapless series is complete, and read', async () => {
    const mr = invent('MR', 'STOW-1', '20260301');
    const { status } = await send(mr.files);
    assert.equal(status, 200);
    const series = await until(async () => {
      const [row] = await knex('series').where({ seriesInstanceUid: mr.seriesInstanceUid }).select('*');
      return row?.state === 'complete' ? row : null;
    });
    assert.equal(series.role, 'mr');
    const [association] = await knex('association')
      .where({ callingAe: 'modality' })
      .orderBy('openedAt', 'desc');
    assert.equal(association.endedHow, 'released');
  });

  it('one that breaks off in the middle keeps the whole objects before, nothing of the one it broke off in, and releases nothing', async () => {
    const mr = invent('MR', 'STOW-2', '20260301');
    const body = dicomMultipart(mr.files, undefined, false);
    await assert.rejects(send([], { pieces: [body.subarray(0, body.length - 100)], isCut: true }));
    const ended = await until(async () => {
      const [row] = await knex('association').orderBy('openedAt', 'desc').select('*');
      return row.endedHow ?? null;
    });
    assert.equal(ended, 'aborted');
    const count = async () =>
      (await knex('instance').where({ seriesInstanceUid: mr.seriesInstanceUid }).select('*')).length;
    await until(async () => (await count()) === mr.files.length - 1);
    const [row] = await knex('series').where({ seriesInstanceUid: mr.seriesInstanceUid }).select('*');
    assert.equal(row.state, 'receiving');
  });

  it('one that ends without its last boundary is a wrong request, and what was whole is stored', async () => {
    const object = smallObject();
    const body = dicomMultipart(
      [fileOf(object), fileOf(smallObject({ pixelBytes: 5_000 }))],
      undefined,
      false,
    );
    const { status, text } = await send([], { pieces: [body.subarray(0, body.length - 100)] });
    assert.equal(status, 400, text);
    assert.match(text, /no whole multipart.*1 objects before it are stored/);
    await until(() => inIndex(object.sopInstanceUid));
  });

  it('refuses as C-STORE does, each object for itself, and counts it under the sender', async () => {
    const good = smallObject({ studyInstanceUid: '2.25.4711' });
    const elsewhere = smallObject({ studyInstanceUid: '2.25.4712' });
    const otherClass = smallObject({ sopClassUid: SOP_CLASSES.verification.uid });
    const liar = { ...smallObject(), sopInstanceUid: newUid() };
    const lossy = { ...smallObject(), transferSyntaxUid: '1.2.840.10008.1.2.4.50' };
    const files = [
      ...[good, elsewhere, otherClass, liar, lossy].map((each) => fileOf(each)),
      Buffer.from('no DICOM'),
    ];
    const { status, text } = await send(files, { study: '2.25.4711' });
    assert.equal(status, 202, text);
    assert.deepEqual(stored(text), [good.sopInstanceUid]);
    assert.deepEqual(failures(text), [
      [elsewhere.sopInstanceUid, 0xa900],
      [otherClass.sopInstanceUid, 0x0122],
      [liar.sopInstanceUid, 0xa900],
      [lossy.sopInstanceUid, 0xc122],
    ]);
    const others = (JSON.parse(text) as DicomJson)['0008119A']!.Value;
    assert.deepEqual(
      others.map((each) => each['00081197']!.Value[0]),
      [0xc000],
    );
    const counted = await until(async () => {
      const rows = await knex('refusal').where({ callingAe: 'modality' }).select('*');
      return rows.length >= 4 ? rows : null;
    });
    assert.ok(counted.some(({ status: code }: { status: string }) => code === '0122'));
  });

  it('409 when none is stored', async () => {
    assert.equal(
      (await send([fileOf(smallObject({ sopClassUid: SOP_CLASSES.verification.uid }))])).status,
      409,
    );
  });

  it('says what is wrong before it reads: no token, no right, no multipart, too large, from elsewhere', async () => {
    const file = fileOf(smallObject());
    assert.equal((await send([file], { token: 'calcidisc_nobody' })).status, 401);
    const viewer = await token(test.database, 'viewer', 'viewer');
    assert.equal((await send([file], { token: viewer })).status, 403);
    assert.equal((await send([file], { token: await token(test.database, 'far', 'sender') })).status, 403);
    assert.equal((await send([file], { headers: { 'content-type': 'application/dicom' } })).status, 415);
    assert.equal((await send([file], { headers: { accept: 'application/dicom+xml' } })).status, 406);
    assert.equal((await send([file], { study: 'not-a-uid' })).status, 400);
    assert.equal((await send([])).status, 400);
    const large = await send([file], { headers: { 'content-length': String(9 << 20) } });
    assert.equal(large.status, 413);
    assert.match(large.text, /8 MiB.*http\.stow\.maxRequestMiB/);
  });

  it('too large in the middle is 413, and what was stored before is', async () => {
    const [first, second] = [smallObject(), smallObject({ pixelBytes: 9 << 20 })];
    const { status, text } = await send([fileOf(first), fileOf(second)]);
    assert.equal(status, 413, text);
    assert.match(text, /1 objects before it are stored/);
    await until(() => inIndex(first.sopInstanceUid));
    assert.equal(await inIndex(second.sopInstanceUid), undefined);
  });

  it('a sender that falls silent is not waited for, and the trail has every request with its sender', async () => {
    const body = dicomMultipart([fileOf(smallObject())], undefined, false);
    const silent = await stow({
      url: address(),
      token: sender,
      pieces: [body],
      headers: { 'content-length': String(body.length + 10) },
    }).catch((error) => error);
    assert.equal(silent.status, 408, String(silent));
    const rows = await knex('auditEvent').where({ event: 'OBJECTS_STORED' }).select('*');
    assert.ok(rows.length >= 8);
    assert.ok(rows.every(({ actor }: { actor: string }) => actor === 'token:modality'));
  });

  it('a correction that a viewer saves by STOW-RS is a reader’s verdict', async () => {
    const input = inputFrom(
      JSON.parse(await readFile(join(CORRECTION, 'report.json'), 'utf8')) as StoredInput,
    );
    const made = await insertRoutedCase(test.database, SILENT, input);
    const { status, text } = await send([await readFile(join(CORRECTION, 'correction.dcm'))]);
    assert.equal(status, 200, text);
    const verdicts = await until(async () => {
      const rows = await listVerdicts(test.database.knex, made.row.id);
      return rows.length > 0 ? rows : null;
    });
    assert.equal(verdicts[0]!.callingAe, 'modality');
  });

  it('pydicom’s bytes, sent by curl', async function () {
    needsPeer(this, 'python');
    const script = `
import sys, pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import generate_uid, ExplicitVRLittleEndian
ds = Dataset(); ds.file_meta = FileMetaDataset()
ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = '${SOP_CLASSES.ctImage.uid}'
ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = sys.argv[2]
ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
ds.StudyInstanceUID = generate_uid(); ds.SeriesInstanceUID = generate_uid()
ds.PatientID = 'PY'; ds.Modality = 'CT'
ds.is_little_endian, ds.is_implicit_VR = True, False
ds.save_as(sys.argv[1], write_like_original=False)
`;
    const uid = newUid();
    const file = join(dir, 'pydicom.dcm');
    const made = spawnSync('/usr/bin/python3', ['-c', script, file, uid], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const body = join(dir, 'body');
    await writeFile(body, dicomMultipart([await readFile(file)]));
    const authorization = `Authorization: Bearer ${sender}`;
    const type = `Content-Type: ${MULTIPART_DICOM}`;
    const { stdout, stderr } = await promisify(execFile)('curl', [
      ...['-sS', '--max-time', '20', '-H', authorization, '-H', type, '--data-binary', `@${body}`],
      address(),
    ]);
    assert.deepEqual(stored(stdout), [uid], stderr);
    await until(() => inIndex(uid));
  });
});
