import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildReport } from '../../agent/report/build.js';
import { type ReportInput, SR_SOP_CLASSES } from '../../agent/report/types.js';
import { needsPeer } from '../support/peers.js';
import { writeImages } from './images.js';
import { reportInput } from './sample.js';
import { SHAPES } from './shapes.js';

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

  // The rest of the shapes differs from these in values, not in items: half a minute each.
  for (const shape of [
    'of five certain levels, with a CT',
    'of what cannot be stated',
    'uncertain',
    'not found',
    'of an enhanced multi-frame MR',
  ] as const) {
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
      // Our Summary is an addition to a template that is extensible. Its tables are of 2022: only items that newer editions of TID 1410, 1419 and 4019 added may be unknown to it.
      const known =
        /"(Finding category|Algorithm Manufacturer|Pathologic calcification|Comment|Summary)"\): Content Item not in template$/;
      assert.deepEqual(
        lines.filter((line) => !known.test(line)),
        [],
      );
    });
  }
});
