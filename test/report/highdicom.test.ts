import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildReport } from '../../agent/report/build.js';
import type { ReportInput } from '../../agent/report/types.js';
import { projectRoot } from '../../config/root.js';
import { needsPeer, PEERS } from '../support/peers.js';
import { reportInput } from './sample.js';
import { SHAPES } from './shapes.js';

interface ReadBack {
  readonly kind: string;
  readonly patient: string;
  readonly groups: readonly {
    readonly tracking: string;
    readonly sites: readonly string[];
    readonly shape: string;
    readonly measured: readonly (readonly [name: string, value: number])[];
    readonly said: readonly (readonly [name: string, value: string])[];
  }[];
}

describe('report: as highdicom reads it', function () {
  this.timeout(120_000);
  let folder: string;
  before(function () {
    needsPeer(this, 'highdicom');
    folder = mkdtempSync(join(tmpdir(), 'calcidisc-highdicom-test-'));
  });
  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  function readAll(reports: readonly Partial<ReportInput>[]): ReadBack[] {
    const paths = reports.map((changes, index) => {
      const path = join(folder, `report${index}.dcm`);
      writeFileSync(path, buildReport(reportInput(changes)).file);
      return path;
    });
    const script = join(projectRoot, 'test', 'report', 'readers.py');
    const command = PEERS.highdicom.command;
    const { stdout, stderr } = spawnSync(command, ['-W', 'ignore', script, ...paths], { encoding: 'utf8' });
    assert.ok(stdout, stderr);
    return JSON.parse(stdout);
  }
  const readBack = (changes: Partial<ReportInput> = {}) => readAll([changes])[0]!;

  it('every disc is a planar region with its site, its certainty, the CT values and the answer', () => {
    const { kind, groups } = readBack();
    assert.equal(kind, 'Comprehensive3DSR');
    assert.equal(groups.length, 5);
    const flagged = groups.find(({ tracking }) => tracking.includes('L4-L5'))!;
    assert.deepEqual(flagged.sites, ['84020006 L4-L5 intervertebral disc']);
    assert.equal(flagged.shape, 'POLYLINE');
    assert.ok(
      flagged.said.some(([name, value]) => name === 'Pathologic calcification' && value === 'Present'),
    );
    assert.deepEqual(
      flagged.measured.map(([name]) => name),
      ['111012 Calcification FLAGGED', '112031 CT attenuation, mean', '112031 CT attenuation, maximum'],
    );
  });

  it('reads every shape of report whole, the patient’s name too', () => {
    const read = readAll(Object.values(SHAPES));
    for (const [index, [shape, changes]] of Object.entries(SHAPES).entries()) {
      const input = reportInput(changes);
      const { groups, patient } = read[index]!;
      assert.equal(groups.length, input.discs.length, shape);
      assert.equal(patient, input.patient.name.replace(/=$/, ''), shape);
    }
  });

  it('levels in doubt have no site, and what was not found has no group', () => {
    const doubted = readBack({ localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } });
    assert.ok(doubted.groups.every(({ sites }) => sites.every((site) => !/lumbar vertebra/.test(site))));
    assert.deepEqual(
      readBack({ localisation: { status: 'not-found', reasons: [] }, discs: [], classifier: null }).groups,
      [],
    );
  });
});
