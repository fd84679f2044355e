import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { newUid } from '../../agent/dicom/uid.js';
import { buildReport } from '../../agent/report/build.js';
import { OBJECT_FORMS } from '../../agent/report/forms.js';
import { writePart10 } from '../../agent/report/part10.js';
import type { ReportInput } from '../../agent/report/types.js';
import { projectRoot } from '../../config/root.js';
import { disc, MR, reportInput, unstated } from '../report/sample.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';

interface ImageTags {
  readonly Modality: 'MR' | 'CT';
  readonly BodyPartExamined?: string;
  readonly SeriesDescription?: string;
  readonly StudyDescription?: string;
  readonly QualityControlImage?: string;
  readonly PatientName?: string;
}

/** One image in a study and series of its own. */
function image(tags: ImageTags): { readonly uid: string; readonly file: Uint8Array } {
  const uid = newUid();
  const sopClassUid = tags.Modality === 'MR' ? SOP_CLASSES.mrImage.uid : SOP_CLASSES.ctImage.uid;
  const file = writePart10(
    {
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: sopClassUid,
      SOPInstanceUID: uid,
      StudyInstanceUID: newUid(),
      SeriesInstanceUID: newUid(),
      PatientID: 'P1',
      PatientName: 'Doe^Jane',
      InstanceNumber: '1',
      ...tags,
    },
    { sopClassUid, sopInstanceUid: uid, sourceAe: 'TEST' },
  );
  return { uid, file };
}

const ROUTED: ImageTags[] = [
  { Modality: 'MR', BodyPartExamined: 'LSPINE' },
  { Modality: 'MR', SeriesDescription: 't2_tse_sag L-Spine' },
  { Modality: 'CT', StudyDescription: 'CT Lumbar spine w/o contrast' },
  { Modality: 'CT', StudyDescription: 'Rachis lombaire' },
  { Modality: 'MR', StudyDescription: '腰椎MRI' },
  { Modality: 'MR', StudyDescription: 'Cervical and lumbar spine' },
  { Modality: 'MR', SeriesDescription: 'T2 SAG' },
];
const KEPT: ImageTags[] = [
  { Modality: 'MR', BodyPartExamined: 'BRAIN' },
  { Modality: 'MR', StudyDescription: 'MR CERVICAL SPINE' },
  { Modality: 'CT', SeriesDescription: 'T-Spine 1.0' },
  { Modality: 'MR', BodyPartExamined: 'LSPINE', QualityControlImage: 'YES' },
  { Modality: 'MR', BodyPartExamined: 'LSPINE', PatientName: 'ACR PHANTOM' },
];

describe('the Orthanc script', function () {
  this.timeout(120_000);
  let calcidisc: TestReceiver;
  let orthanc: RunningOrthanc;
  before(async function () {
    needsPeer(this, 'orthanc');
    calcidisc = await testReceiver();
    orthanc = await startOrthanc({
      modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', calcidisc.port] },
      luaScripts: [join(projectRoot, 'config/orthanc/calcidisc.lua')],
    });
  });
  after(async () => {
    await orthanc?.stop();
    await calcidisc?.close();
  });

  const upload = (file: Uint8Array) => orthanc.post<{ ParentSeries: string }>('/instances', file);
  const received = () => new Set(calcidisc.seen.files.map(({ sopInstanceUid }) => sopInstanceUid));
  /** Orthanc has called the script for the series, and nothing the script started is under way. */
  const settled = async (series: string) => {
    await until(async () => {
      const { Changes } = await orthanc.rest<{ Changes: { ChangeType: string; ID: string }[] }>(
        '/changes?limit=1000',
      );
      return Changes.some(({ ChangeType, ID }) => ChangeType === 'StableSeries' && ID === series);
    });
    await until(async () => {
      const jobs = await orthanc.rest<{ State: string }[]>('/jobs?expand');
      return jobs.every(({ State }) => State === 'Success' || State === 'Failure');
    });
  };

  it('sends lumbar MR and CT, and what names no part of the body, and nothing else', async () => {
    const routed = ROUTED.map(image);
    const kept = KEPT.map(image);
    const uploads = await Promise.all([...kept, ...routed].map(({ file }) => upload(file)));
    for (const { ParentSeries } of uploads) await settled(ParentSeries);
    await until(() => routed.every(({ uid }) => received().has(uid)));
    assert.deepEqual([...received()].toSorted(), routed.map(({ uid }) => uid).toSorted());
  });

  it('sends no report back to who wrote it', async () => {
    const input = reportInput();
    const others = [];
    for (const { build } of Object.values(OBJECT_FORMS)) others.push((await build(input, null))!);
    const { file, sopInstanceUid } = buildReport(input);
    const peer = {
      host: '127.0.0.1',
      port: orthanc.dicomPort,
      calledAe: orthanc.aet,
      callingAe: 'CALCIDISC',
    };
    const results = await storeFiles({ ...peer, files: [file, ...others.map((each) => each.file)] });
    assert.deepEqual(
      results.map(({ status }) => status),
      ['0000', '0000', '0000', '0000'],
    );
    // By whom they come does not matter: another PACS hands them on.
    for (const each of others) await settled((await upload(each.file)).ParentSeries);
    const [{ ID }] = await orthanc.post<[{ ID: string }]>('/tools/lookup', sopInstanceUid);
    const { ParentSeries } = await orthanc.rest<{ ParentSeries: string }>(`/instances/${ID}`);
    await settled(ParentSeries);
    const lumbar = image(ROUTED[0]!);
    await settled((await upload(lumbar.file)).ParentSeries);
    await until(() => received().has(lumbar.uid));
    for (const uid of [sopInstanceUid, ...others.map((each) => each.sopInstanceUid)])
      assert.ok(!received().has(uid));
    assert.match(await orthanc.log(), /is not sent: it came from Calcidisc/);
  });

  it('sends what Calcidisc could not take with the next series', async () => {
    const { port } = calcidisc;
    const move = (to: number) =>
      fetch(`http://127.0.0.1:${orthanc.httpPort}/modalities/calcidisc`, {
        method: 'PUT',
        body: JSON.stringify(['CALCIDISC', '127.0.0.1', to]),
      });
    const [missed, next] = [image(ROUTED[0]!), image(ROUTED[0]!)];
    await move(1);
    await settled((await upload(missed.file)).ParentSeries);
    await until(async () => /could not be sent; it goes with the next one/.test(await orthanc.log()));
    await move(port);
    await settled((await upload(next.file)).ParentSeries);
    await until(() => received().has(next.uid) && received().has(missed.uid));
  });
});

describe('the flag in Orthanc', function () {
  this.timeout(120_000);
  let orthanc: RunningOrthanc;
  before(async function () {
    needsPeer(this, 'orthanc');
    orthanc = await startOrthanc({ luaScripts: [join(projectRoot, 'config/orthanc/calcidisc.lua')] });
  });
  after(() => orthanc?.stop());

  let next = 0;
  const flagged = async (changes: Partial<ReportInput>, caseId = `case-${next++}`, study = newUid()) => {
    const input = reportInput({
      caseId,
      study: { ...reportInput().study, studyInstanceUid: study },
      mr: { ...MR, studyInstanceUid: study },
      ...changes,
    });
    const { ParentStudy: id } = await orthanc.post<{ ParentStudy: string }>(
      '/instances',
      buildReport(input).file,
    );
    const metadata = () => orthanc.rest<Record<string, string>>(`/studies/${id}/metadata?numeric&expand`);
    await until(async () => (await metadata())['4410'] !== undefined);
    return metadata();
  };

  const rows: [what: string, changes: Partial<ReportInput>, flag: string][] = [
    ['a flagged disc', {}, 'flagged'],
    ['none', { discs: [disc('L4-L5'), disc('L5-S1')] }, 'none flagged'],
    [
      'none, and one that could not be read',
      { discs: [disc('L4-L5'), disc('L5-S1', unstated('not-assessable', 'x'))] },
      'uncertain',
    ],
    [
      'levels uncertain',
      { localisation: { status: 'uncertain', reasons: ['x'] } },
      'flagged, levels not confirmed',
    ],
    [
      'levels uncertain, none flagged',
      { discs: [disc('L4-L5')], localisation: { status: 'uncertain', reasons: ['x'] } },
      'uncertain',
    ],
    [
      'nothing found',
      { discs: [], classifier: null, localisation: { status: 'not-found', reasons: [] } },
      'no result',
    ],
  ];
  for (const [what, changes, flag] of rows)
    it(`${what}: ${flag}`, async () => assert.equal((await flagged(changes))['4410'], flag));

  it('is the newest revision’s, in whichever order they come', async () => {
    const study = newUid();
    const second = { revision: 2, discs: [disc('L4-L5')] };
    assert.equal((await flagged(second, 'one', study))['4410'], 'none flagged');
    const late = await flagged({}, 'one', study);
    assert.deepEqual([late['4410'], late['4412']], ['none flagged', '2']);
    assert.equal((await flagged({ revision: 3 }, 'one', study))['4411'], 'Calcification flagged at L4-L5.');
  });
});

describe("the example of Orthanc's configuration", function () {
  this.timeout(60_000);

  it('takes reports from Calcidisc and nothing from strangers', async function () {
    needsPeer(this, 'orthanc');
    const example = JSON.parse(
      readFileSync(join(projectRoot, 'config/orthanc/orthanc.example.json'), 'utf8'),
    );
    const { LuaScripts: _scripts, DicomPort: _port, ...configuration } = example;
    const orthanc = await startOrthanc({ configuration });
    const from = (callingAe: string, caseId: string) => {
      const { file } = buildReport(reportInput({ caseId }));
      const peer = { host: '127.0.0.1', port: orthanc.dicomPort, calledAe: 'ORTHANC', callingAe };
      return storeFiles({ ...peer, files: [file] });
    };
    try {
      assert.deepEqual(
        (await from('CALCIDISC', 'one')).map(({ status }) => status),
        ['0000'],
      );
      // Orthanc 1.10 takes the association and aborts it when the object comes.
      assert.deepEqual(
        (await from('STRANGER', 'other')).map(({ isStored }) => isStored),
        [false],
      );
      assert.equal((await orthanc.rest<unknown[]>('/instances')).length, 1);
    } finally {
      await orthanc.stop();
    }
  });
});
