import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { sha256 } from '../../agent/domain/hash.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import type { CtResult, Located, LocateResult, PointMm } from '../../agent/locate/types.js';
import { parseConfig } from '../../config/load.js';
import { findLocaliser } from '../../models/catalogue/localiser.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { writePart10 } from '../dicom/writePart10.js';

const config = parseConfig({});
const log = pino({ level: 'silent' });
const apart = (a: PointMm, b: readonly number[]) => Math.hypot(a[0] - b[0]!, a[1] - b[1]!, a[2] - b[2]!);

/** The whole way: files, worker thread, the committed network, answer; on a phantom whose truth is known. */
describe('locator', function () {
  this.timeout(180_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let mr: Located<LocateResult>;
  let ct: Located<CtResult>;
  const filesOf = async (name: string) =>
    (await readdir(join(folder, name))).map((file) => join(folder, name, file));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-locate-'));
    truth = await writePhantom({
      outDir: folder,
      seed: 7,
      calcified: ['L4-L5'],
      mr: { slices: 9, matrix: 256 },
      ct: { sliceMm: 1.5, slope: 0.5, intercept: -1000 },
    });
    locator = await openLocator(config, log);
    mr = await locator.locateMr((await filesOf('mr')).reverse());
    ct = await locator.measureCt(await filesOf('ct'));
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  it('finds the five levels on MR, from above down, each where it is', () => {
    assert.equal(mr.result.status, 'located', mr.result.reasons.join());
    assert.deepEqual(
      mr.result.discs.map(({ level }) => level),
      [...LEVELS],
    );
    const slice = truth.mr.slices.find(
      ({ sopInstanceUid }) => sopInstanceUid === mr.result.slice!.sopInstanceUid,
    )!;
    for (const { level, centrePatientMm } of mr.result.discs)
      assert.ok(apart(centrePatientMm, slice.discs[level]!.centrePatientMm) < 5, level);
  });

  it('keeps the pixels the classifier will see, with their hash', async () => {
    assert.deepEqual(
      mr.regions.map(({ level }) => level),
      [...LEVELS],
    );
    const { default: sharp } = await import('sharp');
    for (const { png, sha256: hash } of mr.regions) {
      assert.equal(sha256(png), hash);
      const { width, height } = await sharp(png).metadata();
      assert.deepEqual([width, height], [224, 224]);
    }
    assert.match(mr.localiser.sha256, /^[0-9a-f]{64}$/);
  });

  it('says what the picture looks like, of an MR alone', () => {
    const { grey, noise, sharpness } = mr.pictureFigures!;
    assert.ok(grey > 20 && grey < 235 && noise! > 0 && noise! < 0.5 && sharpness > 0 && sharpness < 1);
    assert.equal(ct.pictureFigures ?? null, null);
  });

  it('gives the same bytes again, in whatever order the files come', async () => {
    const again = await locator.locateMr(await filesOf('mr'));
    assert.deepEqual(again.result, mr.result);
    assert.deepEqual(
      again.regions.map((region) => region.sha256),
      mr.regions.map((region) => region.sha256),
    );
  });

  it('finds them on CT and tells the calcified disc from the others, rescale slope 0.5', () => {
    assert.deepEqual(
      ct.result.discs.map(({ level }) => level),
      [...LEVELS],
    );
    for (const disc of ct.result.discs) {
      const known = truth.ct.discs[disc.level]!;
      assert.ok(apart(disc.centrePatientMm, known.centrePatientMm) < 5, disc.level);
      assert.equal(disc.label, known.calcified ? 'calcified' : 'not-calcified', disc.level);
    }
  });

  it('answers not-found with its reason for an axial MR series', async () => {
    const axial = join(folder, 'axial');
    await mkdir(axial);
    for (let k = 0; k < 3; k++)
      await writeFile(join(axial, `${k}.dcm`), mrImage({ ImageOrientationPatient: '1\\0\\0\\0\\1\\0' }, k));
    const { result, regions, slicePng } = await locator.locateMr(await filesOf('axial'));
    assert.deepEqual(
      [result.status, result.reasons, result.slice],
      ['not-found', ['no sagittal slices: the series is axial'], null],
    );
    assert.deepEqual([regions, slicePng], [[], null]);
  });

  it('answers not-found with the reason for planes that contradict themselves', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, '0.dcm'), mrImage({ ImageOrientationPatient: '1\\0\\0\\1\\0\\0' }, 0));
    const { result } = await locator.locateMr(await filesOf('broken'));
    assert.equal(result.status, 'not-found');
    assert.ok(
      result.reasons.some((reason) => /perpendicular/.test(reason)),
      result.reasons.join(),
    );
  });

  it('answers not-found for sagittal slices without a spine', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    for (let k = 0; k < 3; k++) await writeFile(join(empty, `${k}.dcm`), mrImage({}, k));
    assert.equal((await locator.locateMr(await filesOf('empty'))).result.status, 'not-found');
  });

  it('refuses a CT without rescale: Hounsfield units are never assumed', async () => {
    const image = mrImage({ Modality: 'CT', ImageOrientationPatient: '1\\0\\0\\0\\1\\0' }, 0);
    await mkdir(join(folder, 'no-rescale'));
    await writeFile(join(folder, 'no-rescale', '0.dcm'), image);
    const { result } = await locator.measureCt(await filesOf('no-rescale'));
    assert.deepEqual([result.status, result.discs], ['not-found', []]);
    assert.equal(result.facts.notHounsfield, 'no rescale slope and intercept');
  });

  it('refuses files of two series, of another modality, and files that are no DICOM', async () => {
    const mixed = [...(await filesOf('mr')), ...(await filesOf('ct'))];
    await assert.rejects(locator.locateMr(mixed), { code: 'NOT_ONE_SERIES' });
    await assert.rejects(locator.locateMr(await filesOf('ct')), { code: 'NOT_ONE_SERIES' });
    await assert.rejects(locator.locateMr([join(folder, 'truth.json')]), { code: 'NOT_DICOM' });
    await assert.rejects(locator.locateMr([]), { code: 'NOT_ONE_SERIES' });
  });

  it('refuses a network that is not the one its card describes', async () => {
    const modelDir = join(folder, 'model');
    await cp((await findLocaliser(config)).folder, modelDir, { recursive: true });
    const bytes = await readFile(join(modelDir, 'model.onnx'));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(modelDir, 'model.onnx'), bytes);
    const other = await openLocator(config, log, { modelDir });
    try {
      await assert.rejects(other.locateMr(await filesOf('mr')), { code: 'MODEL_HASH_MISMATCH' });
    } finally {
      await other.close();
    }
  });
});

function mrImage(more: Record<string, string>, k: number): Uint8Array {
  const side = 128;
  const pixels = Uint16Array.from({ length: side * side }, (_, i) => ((i * 7919 + k) % 251) + 20);
  const elements = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
    SOPInstanceUID: `2.25.900${k}`,
    SeriesInstanceUID: '2.25.900',
    Modality: 'MR',
    InstanceNumber: String(k + 1),
    ImageOrientationPatient: '0\\1\\0\\0\\0\\-1',
    ImagePositionPatient: `${k * 4}\\-60\\60`,
    PixelSpacing: '1\\1',
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [side],
    Columns: [side],
    BitsAllocated: [16],
    BitsStored: [16],
    HighBit: [15],
    PixelRepresentation: [0],
    ...more,
  };
  return writePart10(elements, { pixelData: new Uint8Array(pixels.buffer) });
}
