import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutBefore } from '../../agent/assemble/cutBefore.js';
import { readHeader } from '../../agent/dicom/header.js';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { decodeFrames } from '../../agent/dicom/pixels.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type InstanceRow, listInstances } from '../../db/tables/instances.js';
import { listAside } from '../../db/tables/objectsAside.js';
import { readCaseView } from '../../db/views/caseView.js';
import { quietLog, useDatabase } from '../support/database.js';
import { runTool } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { newSeries, openRig, type Rig, type Series, SLICES, slice, slices } from './rig.js';

/** (0029,1010) LO of some vendor: nothing rests on it, as on an institution that a PACS fills in. */
const COERCED = Buffer.from('\x29\x00\x10\x10LO\x0c\x00ST ELSEWHERE', 'latin1');

describe('assemble: the same image with another header', () => {
  const db = useDatabase();
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig(db);
  });
  afterEach(() => rig.close());

  const knex = () => db.database.knex;
  const instancesOf = ({ seriesInstanceUid }: Series) => listInstances(knex(), seriesInstanceUid);
  const headerOf = ({ spoolPath }: Pick<InstanceRow, 'spoolPath'>) =>
    readHeader(join(db.config.dataDir, spoolPath));
  const asideFiles = async () =>
    (await readdir(join(rig.spool.dir, 'aside'))).filter((name) => name.endsWith('.dcm')).length;
  const eventsOf = (subjectId: string): Promise<string[]> =>
    knex()('auditEvent').where({ subjectId }).orderBy('seq').pluck('event');
  /** As if the case had been read and its report delivered. */
  const answered = async (series: Series) => {
    const { id } = (await rig.caseOf(series))!;
    await knex()('case').where({ id }).update({ state: 'delivered' });
  };
  const read = async (): Promise<Series> => {
    const series = newSeries();
    await rig.bring(slices(series));
    await rig.complete(series);
    await answered(series);
    return series;
  };

  /** What a RIS or a PACS corrects, and the study's column that has it. */
  const CORRECTED = [
    ['accessionNumber', { AccessionNumber: 'ACC-2' }, 'ACC-2', /accession number/],
    [
      'referringPhysicianName',
      { ReferringPhysicianName: 'NEW^ORDERER' },
      'NEW^ORDERER',
      /referring physician/,
    ],
    ['studyDescription', { StudyDescription: 'MR LUMBAR SPINE' }, 'MR LUMBAR SPINE', /study description/],
    ['patientName', { PatientName: 'DOE^JANE^MARIE' }, 'DOE^JANE^MARIE', /patient|name/],
    ['patientId', { PatientID: 'MERGED' }, 'MERGED', /patient/],
    ['patientBirthDate', { PatientBirthDate: '19600102' }, '1960-01-02', /patient|birth date/],
    ['patientSex', { PatientSex: 'F' }, 'F', /patient|sex/],
  ] as const;
  for (const [column, over, now, reason] of CORRECTED)
    it(`${column} corrected: it counts, the older header is kept, and the case is its next revision`, async () => {
      const series = await read();
      const before = await instancesOf(series);
      await rig.bring(slices(series, over), 'PACS');
      await rig.complete(series);
      assert.equal((await rig.studyOf(series))[column], now);
      const row = (await rig.caseOf(series))!;
      assert.equal(row.revision, 2);
      assert.match(row.revisionReason, reason);
      const after = await instancesOf(series);
      assert.equal(after.length, SLICES);
      for (const each of [...before, ...after]) await headerOf(each);
      assert.equal(await asideFiles(), 0);
      assert.equal((await rig.seriesOf(series)).reopened, 1);
    });

  it('what nothing rests on filled in by a PACS: no revision, no alarm, and the newer header is the one that lies there', async () => {
    const series = await read();
    await rig.bring(slices(series, {}, { tail: COERCED }), 'PACS');
    const row = (await rig.caseOf(series))!;
    assert.deepEqual([row.revision, (await rig.seriesOf(series)).reopened, await asideFiles()], [1, 0, 0]);
    const [first] = await instancesOf(series);
    const bytes = await readFile(join(db.config.dataDir, first!.spoolPath));
    assert.ok(bytes.includes('ST ELSEWHERE'));
    assert.deepEqual(await eventsOf(series.studyInstanceUid), []);
  });

  it('a copy that leaves out the accession number and the name corrects neither', async () => {
    const series = await read();
    await rig.bring(slices(series, { AccessionNumber: '', PatientName: '' }), 'PACS');
    const { accessionNumber, patientName } = await rig.studyOf(series);
    assert.deepEqual([accessionNumber, patientName], ['ACC-1', 'DOE^JANE']);
    assert.deepEqual([(await rig.caseOf(series))!.revision, (await rig.seriesOf(series)).reopened], [1, 0]);
  });

  it('after a while only the header of the one that was replaced is kept, and it can still be read', async () => {
    const series = await read();
    const before = await instancesOf(series);
    await rig.bring(slices(series, {}, { tail: COERCED }), 'PACS');
    const context = { database: db.database, dataDir: db.config.dataDir, log: quietLog };
    assert.equal(await cutBefore(context, 60_000), 0, 'not while somebody may be reading it');
    assert.equal(await cutBefore(context, 0), SLICES);
    assert.equal(await cutBefore(context, 0), 0);
    for (const each of before) {
      assert.equal((await headerOf(each)).accessionNumber, 'ACC-1');
      const part10 = parsePart10(await readFile(join(db.config.dataDir, each.spoolPath)));
      assert.equal(part10.dataSet.pixelData(), null);
    }
    for (const each of await instancesOf(series)) {
      const part10 = parsePart10(await readFile(join(db.config.dataDir, each.spoolPath)));
      assert.equal((await decodeFrames(part10)).length, 1);
    }
  });

  it('the same in another transfer syntax: a duplicate, kept once', async function () {
    needsPeer(this, 'dcmtk');
    const series = await read();
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-headers-'));
    try {
      const packed: Uint8Array[] = [];
      for (const [i, bytes] of slices(series).entries()) {
        const [plain, file] = [join(dir, `${i}.dcm`), join(dir, `${i}.jls`)];
        await writeFile(plain, bytes);
        const { exitCode, output } = await runTool('dcmcjpls', ['+un', plain, file]);
        assert.equal(exitCode, 0, output);
        packed.push(await readFile(file));
      }
      await rig.bring(packed, 'ARCHIVE');
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
    assert.equal((await rig.caseOf(series))!.revision, 1);
    assert.equal(await asideFiles(), 0);
    const instances = await instancesOf(series);
    assert.deepEqual([instances.length, instances[0]!.duplicates], [SLICES, 1]);
  });

  it('corrected in two associations: both halves end under the same number', async () => {
    const series = await read();
    const corrected = slices(series, { AccessionNumber: 'ACC-2' });
    await rig.bring(corrected.slice(0, 2), 'PACS');
    await rig.bring(corrected.slice(2), 'PACS');
    await rig.complete(series);
    assert.equal((await rig.studyOf(series)).accessionNumber, 'ACC-2');
    for (const each of await instancesOf(series))
      assert.equal((await headerOf(each)).accessionNumber, 'ACC-2');
    assert.ok((await rig.caseOf(series))!.revision <= 3);
  });

  it('corrected and turned back: the last one counts, and every file is still there', async () => {
    const series = await read();
    for (const number of ['ACC-2', 'ACC-1', 'ACC-2']) {
      await rig.bring(slices(series, { AccessionNumber: number }), 'PACS');
      await rig.complete(series);
      assert.equal((await rig.studyOf(series)).accessionNumber, number);
      for (const each of await instancesOf(series))
        assert.equal((await headerOf(each)).accessionNumber, number);
    }
    const kept = await knex()('instanceBefore').whereIn(
      'sopInstanceUid',
      (await instancesOf(series)).map(({ sopInstanceUid }) => sopInstanceUid),
    );
    assert.equal(kept.length, 3 * SLICES);
    for (const each of kept) await headerOf(each);
  });

  it('a process that ends between the index and the move: the file is indexed again to the same rows', async () => {
    const series = await read();
    const corrected = slices(series, { AccessionNumber: 'ACC-2' });
    const files = await rig.bring(corrected, 'PACS');
    await rig.complete(series);
    await answered(series);
    const { revision } = (await rig.caseOf(series))!;
    await rig.again(files, corrected);
    assert.deepEqual(await readdir(join(rig.spool.dir, 'new')), []);
    assert.equal((await rig.caseOf(series))!.revision, revision);
    assert.equal((await rig.seriesOf(series)).state, 'complete');
  });

  it('a slice of the study that is corrected amends the report though the MR itself did not come again', async () => {
    const series = await read();
    const beside: Series = { ...series, seriesInstanceUid: newUid() };
    await rig.bring(
      slices(beside, { SeriesDescription: 't1_tse_sag', EchoTime: '10', RepetitionTime: '500' }),
    );
    await rig.complete(beside);
    await answered(series);
    const { revision } = (await rig.caseOf(series))!;
    const t1 = {
      SeriesDescription: 't1_tse_sag',
      EchoTime: '10',
      RepetitionTime: '500',
      AccessionNumber: 'ACC-2',
    };
    await rig.bring(slices(beside, t1), 'PACS');
    await rig.complete(beside);
    await rig.complete(series);
    assert.equal((await rig.studyOf(series)).accessionNumber, 'ACC-2');
    assert.ok((await rig.caseOf(series))!.revision > revision);
  });

  it('moved to another study by the PACS: the images are read there, and nothing is left in the first', async () => {
    const series = await read();
    const merged: Series = { ...series, studyInstanceUid: newUid(), seriesInstanceUid: newUid() };
    const moved = Array.from({ length: SLICES }, (_, i) =>
      slice(series, i + 1, {
        StudyInstanceUID: merged.studyInstanceUid,
        SeriesInstanceUID: merged.seriesInstanceUid,
      }),
    );
    await rig.bring(moved, 'PACS');
    await rig.complete(merged);
    assert.equal((await instancesOf(merged)).length, SLICES);
    assert.equal((await instancesOf(series)).length, 0);
    const left = await rig.seriesOf(series);
    assert.equal(left.role, 'ignored');
    assert.match(left.roleReason, /came again in series/);
    assert.equal((await rig.caseOf(merged))!.state, 'received');
    await rig.complete(series);
    const first = (await rig.caseOf(series))!;
    assert.equal(first.state, 'closed');
    assert.match(first.closedBecause!, /came again in series/);
    assert.equal(await asideFiles(), 0);
  });

  it('other pixels are another object: aside, once, and on the case page', async () => {
    const series = await read();
    const others = slices(series, { AccessionNumber: 'ACC-2' }, { pixel: 99 });
    await rig.bring(others, 'MR2');
    await rig.bring(others, 'MR2');
    assert.equal(await asideFiles(), SLICES);
    assert.equal((await rig.studyOf(series)).accessionNumber, 'ACC-1');
    const aside = await listAside(knex(), series.studyInstanceUid);
    assert.equal(aside.length, SLICES);
    const view = await readCaseView(knex(), (await rig.caseOf(series))!.id);
    assert.equal(view!.aside.length, SLICES);
    assert.deepEqual(await readdir(join(rig.spool.dir, 'new')), []);
  });

  it('bits above the stored ones are no pixels: the same image', async () => {
    const series = newSeries();
    const withHighBits = Uint8Array.from({ length: 128 }, (_, i) => (i % 2 ? 0xf0 : 1));
    const plain = slice(series, 1, {}, { pixel: 0 });
    const bytes = Buffer.from(plain);
    // The same values, 1, under rubbish in the four bits that BitsStored leaves out.
    const clean = Buffer.from(plain);
    for (let i = 0; i < 128; i++) {
      bytes[bytes.length - 128 + i] = withHighBits[i]!;
      clean[clean.length - 128 + i] = i % 2 ? 0 : 1;
    }
    await rig.bring([clean]);
    await rig.bring([bytes], 'PACS');
    assert.equal(await asideFiles(), 0);
  });
});
