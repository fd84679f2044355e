import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildReport } from '../../agent/report/build.js';
import { projectRoot } from '../../config/root.js';
import { reportInput } from './sample.js';

describe('calcidisc report', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'calcidisc-report-cli-'));
    writeFileSync(join(folder, 'report.dcm'), buildReport(reportInput()).file);
    writeFileSync(join(folder, 'no.dcm'), 'no DICOM at all');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const calcidisc = (...args: string[]) =>
    spawnSync(process.execPath, [join(projectRoot, 'bin/calcidisc.mjs'), 'report', ...args], {
      encoding: 'utf8',
    });

  it('prints the tree without the patient', () => {
    const { status, stdout } = calcidisc(join(folder, 'report.dcm'), '--images', '1');
    assert.equal(status, 0);
    assert.match(stdout, /^Imaging Measurement Report \(TID 1500, preliminary, unverified, complete\)/);
    assert.match(stdout, /Conclusion: Calcification flagged at L4-L5\./);
    assert.match(stdout, /\.\.\. and 7 more images/);
    assert.doesNotMatch(stdout, /Doe/);
  });

  it('prints one JSON document on request', () => {
    const { stdout } = calcidisc(join(folder, 'report.dcm'), '--json');
    assert.equal(JSON.parse(stdout).root.template, '1500');
  });

  it('says what is wrong with a file that is no report, and fails', () => {
    const { status, stdout, stderr } = calcidisc(join(folder, 'no.dcm'));
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /not a DICOM/);
  });
});
