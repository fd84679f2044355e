import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { buildReport } from '../../agent/report/build.js';
import { buildDocument } from '../../agent/report/document.js';
import { OBJECT_FORMS } from '../../agent/report/forms.js';
import { writePart10 } from '../../agent/report/part10.js';
import { buildPresentation } from '../../agent/report/presentation.js';
import { inputFrom, storedOf } from '../../agent/report/stored.js';
import type { ReportInput } from '../../agent/report/types.js';
import { parseConfig } from '../../config/load.js';
import { needsPeer } from '../support/peers.js';
import { writeImages } from './images.js';
import { MR, reportInput } from './sample.js';
import { SHAPES } from './shapes.js';

const COLUMNS = 320;
const ROWS = 384;
const grey = { slope: 1, intercept: 0, low: 50, high: 150, isInverted: false };

async function slice(over: Partial<typeof grey> = {}) {
  const flat = { create: { width: COLUMNS, height: ROWS, channels: 3, background: '#606060' } } as const;
  const png = await sharp(flat).toColourspace('b-w').png().toBuffer();
  return { png: new Uint8Array(png), pixelSpacingMm: [0.9, 0.8] as const, grey: { ...grey, ...over } };
}

/** Every script that a series description may be written in. */
const SCRIPTS = 'Müller Łódź Đặng Поясница γ 腰椎矢状位 サジタル 요추 กระดูก';
const described: Partial<ReportInput> = {
  choice: {
    candidates: [
      { seriesInstanceUid: '1', seriesNumber: 3, seriesDescription: SCRIPTS, verdict: 'chosen', why: '' },
    ],
    agreement: { agrees: [] },
  },
};

describe('report: presentation state and page', function () {
  this.timeout(300_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'calcidisc-forms-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (command: string, ...args: string[]) => {
    const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (error) throw error;
    return `${stdout}${stderr}`;
  };
  const put = (name: string, file: Uint8Array) => {
    writeFileSync(join(folder, name), file);
    return join(folder, name);
  };
  const complaints = (output: string) =>
    output
      .split('\n')
      .filter((line) => /^\s*(E:|W:|F:|Error|Warning)/.test(line))
      .filter((line) => !/AccessionNumber> IE <Series> versus|needed to build DICOMDIR/.test(line));

  for (const [shape, changes] of Object.entries(SHAPES))
    it(`are valid and of the same study and patient as the images, of a report ${shape}`, async function () {
      needsPeer(this, 'dicom3tools');
      const input = reportInput(changes);
      const images = writeImages(input, join(folder, `images-${shape}`));
      const forms = [
        [await buildPresentation(input, await slice()), 'GrayscaleSoftcopyPresentationState'],
        [await buildDocument(input, await slice()), 'EncapsulatedPDF'],
      ] as const;
      for (const [built, iod] of forms) {
        if (!built) {
          assert.equal(input.discs.length, 0, 'only where no disc was found there is no presentation state');
          continue;
        }
        const file = put(`${iod}.dcm`, built.file);
        const said = run('dciodvfy', '-new', file);
        assert.match(said, new RegExp(iod));
        assert.deepEqual(complaints(said), []);
        assert.deepEqual(complaints(run('dcentvfy', ...images, file)), []);
      }
    });

  it('each is a series of its own, the same for every revision, and the same bytes for the same input', async () => {
    const series = new Set([buildReport(reportInput()).seriesInstanceUid]);
    for (const { build } of Object.values(OBJECT_FORMS)) {
      const made = async (changes: Partial<ReportInput> = {}) =>
        (await build(reportInput(changes), await slice()))!;
      const [first, second] = [await made(), await made({ revision: 2 })];
      const kept = inputFrom(JSON.parse(JSON.stringify(storedOf(reportInput()))));
      assert.deepEqual((await build(kept, await slice()))!.file, first.file);
      assert.equal(first.seriesInstanceUid, second.seriesInstanceUid);
      assert.notEqual(first.sopInstanceUid, second.sopInstanceUid);
      series.add(first.seriesInstanceUid);
    }
    assert.equal(series.size, 4);
  });

  /** The MR image that the state shows, of values from 0 to 255. */
  function image(photometric = 'MONOCHROME2', more: Readonly<Record<string, string>> = {}): string {
    const { sopClassUid, sopInstanceUid } = MR.instances[2]!;
    const dataset = {
      SOPClassUID: sopClassUid,
      SOPInstanceUID: sopInstanceUid,
      StudyInstanceUID: MR.studyInstanceUid,
      SeriesInstanceUID: MR.seriesInstanceUid,
      Modality: 'MR',
      SamplesPerPixel: 1,
      PhotometricInterpretation: photometric,
      Rows: ROWS,
      Columns: COLUMNS,
      BitsAllocated: 8,
      BitsStored: 8,
      HighBit: 7,
      PixelRepresentation: 0,
      // A window that is not ours: the state's counts.
      WindowCenter: '10',
      WindowWidth: '20',
      ...more,
      PixelData: Uint8Array.from({ length: COLUMNS * ROWS }, (_, i) => (i % COLUMNS) % 256),
    };
    return put('mr.dcm', writePart10(dataset, { sopClassUid, sopInstanceUid, sourceAe: 'TEST' }));
  }
  const rendered = async (mr: string, over: Partial<typeof grey> = {}) => {
    const state = put('ps.dcm', (await buildPresentation(reportInput(), await slice(over)))!.file);
    const pgm = join(folder, 'out.pgm');
    assert.equal(run('dcmp2pgm', '-p', state, mr, pgm), '');
    const bytes = readFileSync(pgm);
    return bytes.subarray(bytes.length - COLUMNS * ROWS);
  };

  it('DCMTK shows the image in the grey it was read in, dark and bright the right way round', async function () {
    needsPeer(this, 'dcmtk');
    const shown = await rendered(image());
    assert.deepEqual([shown[49], shown[50], shown[150], shown[151]], [0, 0, 255, 255]);
    assert.ok(Math.abs(shown[100]! - 127) <= 2, String(shown[100]));
    const inverted = await rendered(image('MONOCHROME1'), { isInverted: true });
    assert.deepEqual([inverted[50], inverted[150]], [255, 0]);
    // Rescaled to 2 v + 10: the window is of those.
    const rescaled = { slope: 2, intercept: 10, low: 110, high: 310 };
    const scaled = await rendered(
      image('MONOCHROME2', { RescaleSlope: '2', RescaleIntercept: '10' }),
      rescaled,
    );
    assert.deepEqual([scaled[50], scaled[150]], [0, 255]);
    assert.match(run('dcmpschk', join(folder, 'ps.dcm')), /Test passed/);
  });

  it('the state holds five boxes with their answers, the conclusion and what it is, over the image that was read', async function () {
    needsPeer(this, 'dcmtk');
    const { file } = (await buildPresentation(reportInput(SHAPES.uncertain!), await slice()))!;
    const dump = run('dcmdump', '+L', '+U8', put('ps.dcm', file));
    assert.equal(dump.match(/GraphicType\b/g)?.length, 5);
    assert.equal(dump.match(/level NOT confirmed \(perhaps/g)?.length, 5);
    assert.match(dump, /calcification flagged, 87 % on MR/);
    assert.match(dump, /Levels uncertain: sacrum not seen/);
    assert.match(dump, /not for diagnosis/);
    const named = dump.match(/ReferencedSOPInstanceUID/g)?.length ?? 0;
    assert.equal(dump.split(MR.instances[2]!.sopInstanceUid).length - 1, named);
  });

  const pageOf = async (changes: Partial<ReportInput>) => {
    const { file } = await buildDocument(reportInput(changes), await slice());
    const bytes = Buffer.from(file);
    return put('page.pdf', bytes.subarray(bytes.indexOf('%PDF-'), bytes.lastIndexOf('%%EOF') + 6));
  };

  it('the page is one of A4, and says conclusion, discs, doubt, CT, models, and what it is, in every script', async function () {
    needsPeer(this, 'poppler');
    const path = await pageOf(described);
    assert.match(run('pdfinfo', path), /Pages: +1\n[\s\S]*\(A4\)/);
    const text = run('pdftotext', '-layout', path, '-').replaceAll(/\s+/g, ' ');
    for (const said of [
      'Calcification flagged at L4-L5',
      'not for diagnosis',
      '87 %',
      'mean 214',
      'resnet34',
      'Paired with a CT',
    ])
      assert.ok(text.includes(said), `${said} in ${text}`);
    assert.ok(text.includes(SCRIPTS), text);
    assert.doesNotMatch(text, /Jane|P-0042/);
    const fonts = run('pdffonts', path).trim().split('\n').slice(2);
    assert.ok(fonts.length >= 2 && fonts.every((line) => /yes yes yes/.test(line)), fonts.join('\n'));
    const doubtful = run('pdftotext', '-layout', await pageOf(SHAPES.uncertain!), '-');
    assert.match(doubtful, /Levels uncertain: sacrum not seen/);
    assert.match(doubtful, /L4-L5\?/);
  });

  it('a page that cannot hold everything says so, and stays one page', async function () {
    needsPeer(this, 'poppler');
    const why = Array.from({ length: 400 }, (_, i) => `reason ${i} of many words that no page holds`);
    const path = await pageOf({ localisation: { status: 'uncertain', reasons: why } });
    assert.match(run('pdfinfo', path), /Pages: +1\n/);
    assert.match(run('pdftotext', path, '-'), /Structured Report says the rest/);
  });

  it('gsps alone is refused as a setting: of a study without discs it would say nothing', () => {
    const to = (forms: ('sr' | 'gsps')[]) =>
      parseConfig({
        route: { destinations: [{ name: 'p', aeTitle: 'P', host: 'h', port: 104, forms }] },
      });
    assert.throws(() => to(['gsps']), /gsps alone says nothing/);
    assert.ok(to(['sr', 'gsps']));
  });
});
