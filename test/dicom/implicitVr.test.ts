import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { toImplicitVr } from '../../agent/dicom/implicitVr.js';
import { buildReport } from '../../agent/report/build.js';
import { reportInput } from '../report/sample.js';
import { runTool } from '../support/dcmtk.js';
import { smallObject } from '../support/dicomObject.js';
import { needsPeer } from '../support/peers.js';

describe('Explicit to Implicit VR', () => {
  it('a flat data set is the one that was encoded so', () => {
    const explicit = smallObject({ sopInstanceUid: '2.25.9' });
    const implicit = smallObject({ sopInstanceUid: '2.25.9', syntax: 'implicitVrLittleEndian' });
    assert.deepEqual(toImplicitVr(explicit.dataset), implicit.dataset);
  });

  for (const [name, option] of [
    ['defined', '+e'],
    ['undefined', '-e'],
  ] as const) {
    it(`a report with sequences of ${name} length is what DCMTK makes of it, byte for byte`, async function () {
      needsPeer(this, 'dcmtk');
      const dir = await mkdtemp(join(tmpdir(), 'calcidisc-implicit-'));
      const [given, explicit, implicit] = ['given', 'explicit', 'implicit'].map((each) => join(dir, each));
      await writeFile(given!, buildReport(reportInput({})).file);
      // -g: without group lengths, as DCMTK would recalculate them.
      await runTool('dcmconv', ['+te', option, '-g', given!, explicit!]);
      await runTool('dcmconv', ['+ti', option, '-g', given!, implicit!]);
      assert.deepEqual(toImplicitVr(await datasetOf(explicit!)), await datasetOf(implicit!));
      await rm(dir, { recursive: true, force: true });
    });
  }

  it('whatever the bytes, it converts or refuses with a RangeError', () => {
    const { dataset } = smallObject();
    const garbage = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const damaged = fc.tuple(fc.nat(dataset.length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = Buffer.from(dataset);
      copy[at] = value;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(garbage, damaged), (bytes) => {
        try {
          toImplicitVr(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
    );
  });
});

async function datasetOf(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  return bytes.subarray(decodeFileMeta(bytes)!.datasetOffset);
}
