import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildReport } from '../../agent/report/build.js';
import { type ReportInput, SR_SOP_CLASSES } from '../../agent/report/types.js';
import { needsPeer } from '../support/peers.js';
import { writeImages } from './images.js';
import { CALCIFIED, CT, disc, MR, reportInput } from './sample.js';

const unpaired = {
  ct: null,
  pairing: { outcome: 'no-ct', intervalDays: null, windowDays: 28, candidates: [] },
} as const;

/** Every shape a report can take. */
const SHAPES: Readonly<Record<string, Partial<ReportInput>>> = {
  paired: {},
  'of one study with the CT': {
    ct: { ...CT, studyInstanceUid: MR.studyInstanceUid, studyDate: MR.studyDate },
  },
  'on MR alone, flagged': { ...unpaired, discs: [disc('L4-L5', { ...CALCIFIED, ct: null })] },
  'without a score': { ...unpaired, classifier: null, discs: [disc('L4-L5', { answer: null, ct: null })] },
  uncertain: { localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } },
  'not found': {
    ...unpaired,
    localisation: { status: 'not-found', reasons: [] },
    discs: [],
    classifier: null,
  },
  'of an order with its numbers and their issuers': {
    study: {
      ...reportInput().study,
      request: {
        id: 'RP7',
        description: 'MR lumbar spine',
        code: { value: '241648001', scheme: 'SCT', meaning: 'MRI of lumbar spine' },
        issuerOfAccession: { local: 'RIS', universal: '1.2.3', universalType: 'ISO' },
        placerOrderNumber: 'PL-1',
        placerIssuer: { local: 'HIS', universal: '', universalType: '' },
        fillerOrderNumber: 'FI-1',
        fillerIssuer: { local: '', universal: 'ris.example.org', universalType: 'DNS' },
      },
    },
  },
  amended: {
    revision: 2,
    predecessor: { ...buildReport(reportInput()), studyInstanceUid: MR.studyInstanceUid },
  },
  'of a patient named in Japanese': {
    patient: { ...reportInput().patient, name: 'Yamada^Tarou=山田^太郎=やまだ^たろう', id: 'ÄÖ-7' },
  },
  'of a patient without a name or dates': {
    patient: { name: '', id: '', issuerOfPatientId: '', birthDate: null, sex: '' },
    study: {
      ...reportInput().study,
      studyId: '',
      accessionNumber: '',
      date: null,
      time: '',
      description: '',
      referringPhysicianName: '',
    },
    mr: { ...MR, studyDate: null, frameOfReferenceUid: null },
  },
};

/**
 * DCMTK 3.6.7 says the first of every UTF-8 file (its VR checker knows no UTF-8); dcentvfy's tables file an MR's
 * AccessionNumber under the series; an MR without an ID or a date has no place in a DICOMDIR, nor has its report.
 */
const ABOUT_THE_TOOL =
  /VR checker does not support this Specific Character Set: ISO_IR 192|Element=<AccessionNumber> IE <Series> versus <Study>|would be needed to build DICOMDIR/;

describe('report: validators', function () {
  this.timeout(300_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'calcidisc-report-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (changes: Partial<ReportInput>) => {
    const path = join(folder, 'report.dcm');
    writeFileSync(path, buildReport(reportInput(changes)).file);
    return path;
  };
  const run = (command: string, ...args: string[]) => {
    const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (error) throw error;
    return `${stdout}${stderr}`;
  };
  const complaints = (output: string) =>
    output
      .split('\n')
      .filter((line) => /^\s*(E:|W:|F:|Error|Warning)/.test(line))
      .filter((line) => !ABOUT_THE_TOOL.test(line));

  for (const [shape, changes] of Object.entries(SHAPES)) {
    it(`dciodvfy and dsrdump find nothing in a report ${shape}`, function () {
      needsPeer(this, 'dicom3tools', 'dcmtk');
      const iod = run('dciodvfy', '-new', write(changes));
      assert.deepEqual(complaints(iod), []);
      assert.match(iod, /Comprehensive3DSR/);
      const tree = run('dsrdump', '+Pl', '-Ee', write(changes));
      assert.deepEqual(complaints(tree), []);
      assert.match(tree, /Imaging Measurement Report/);
    });

    it(`dcentvfy finds the patient, study and images of a report ${shape} the same as theirs`, function () {
      needsPeer(this, 'dicom3tools');
      const images = writeImages(reportInput(changes), join(folder, `images-${shape}`));
      assert.deepEqual(complaints(run('dcentvfy', ...images, write(changes))), []);
    });
  }

  for (const [name, uid] of Object.entries(SR_SOP_CLASSES)) {
    it(`the same tree is valid as ${name}`, function () {
      needsPeer(this, 'dicom3tools', 'dcmtk');
      const path = write({ sopClass: name as keyof typeof SR_SOP_CLASSES });
      assert.deepEqual(complaints(run('dciodvfy', '-new', path)), []);
      assert.deepEqual(complaints(run('dsrdump', path)), []);
      assert.match(
        run('dcmdump', '-M', '+P', 'SOPClassUID', '-Un', path),
        new RegExp(uid.replaceAll('.', '\\.')),
      );
    });
  }

  it('dciodvfy does look: it finds evidence that is missing', function () {
    needsPeer(this, 'dicom3tools', 'dcmtk');
    const path = write({});
    run('dcmodify', '-nb', '-ea', '(0040,a375)', '-ea', '(0040,a385)', path);
    assert.match(
      complaints(run('dciodvfy', '-new', path)).join('\n'),
      /Error.*CurrentRequestedProcedureEvidence/,
    );
  });

  for (const shape of ['paired', 'not found'] as const) {
    it(`PixelMed's template check finds no error in a report ${shape}`, function () {
      needsPeer(this, 'pixelmed');
      const limits = ['totalOpLimit', 'exprOpLimit', 'exprGrpLimit'].map((limit) => {
        return `-Djdk.xml.xpath${limit[0]!.toUpperCase()}${limit.slice(1)}=0`;
      });
      const validator = ['-cp', '/usr/share/java/pixelmed.jar', 'com.pixelmed.validate.DicomSRValidator'];
      const output = run('java', ...limits, ...validator, write(SHAPES[shape]!));
      assert.match(output, /Found Root Template TID_1500/);
      assert.match(output, /IOD validation complete/);
      const lines = complaints(output);
      assert.deepEqual(
        lines.filter((line) => line.startsWith('Error')),
        [],
      );
      // Its tables are of 2022: only items that newer editions of TID 1410, 1419 and 4019 added may be unknown to it.
      const known =
        /"(Finding category|Algorithm Manufacturer|Pathologic calcification|Comment)"\): Content Item not in template$/;
      assert.deepEqual(
        lines.filter((line) => !known.test(line)),
        [],
      );
    });
  }
});
