import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { buildReport } from '../../agent/report/build.js';
import { writePart10 } from '../../agent/report/part10.js';
import { needsPeer } from '../support/peers.js';
import { reportInput } from './sample.js';
import { comments, readBack } from './walk.js';

const NAMES = {
  'with an accent': 'Müller-Lüdenscheidt^Jérôme',
  'in Japanese, in all three groups': 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  'in Korean': 'Hong^Gildong=洪^吉洞=홍^길동',
  'in Greek': 'Διονυσιος',
  'beyond the basic plane': 'Yoshida^Ken=𠮷田^健',
} as const;

describe('report: text of any language', () => {
  for (const [what, name] of Object.entries(NAMES)) {
    it(`a name ${what} reaches another implementation whole`, function () {
      needsPeer(this, 'dcmtk');
      const folder = mkdtempSync(join(tmpdir(), 'calcidisc-text-'));
      const path = join(folder, 'report.dcm');
      const { patient, study } = reportInput();
      const input = reportInput({
        patient: { ...patient, name },
        study: { ...study, description: `IRM lombaire ${name}`.slice(0, 64) },
        localisation: { status: 'uncertain', reasons: [`sacrum non visible: ${name}`] },
      });
      writeFileSync(path, buildReport(input).file);
      const { stdout } = spawnSync('dcmdump', ['+U8', '+L', path], { encoding: 'utf8', maxBuffer: 1 << 26 });
      rmSync(folder, { recursive: true, force: true });
      assert.ok(stdout.includes(`PN [${name}]`), 'the patient name');
      assert.ok(stdout.includes(`[IRM lombaire ${name}`), 'the study description');
      assert.ok(stdout.includes(`sacrum non visible: ${name}`), 'the text items');
    });
  }

  it('a text item beyond 64 KiB is not cut', () => {
    const reason = 'ä'.repeat(70_000);
    const report = readBack({ localisation: { status: 'uncertain', reasons: [reason] } });
    assert.ok(comments(report.root).some((comment) => comment.includes(reason)));
  });

  const identity = { sopClassUid: '1.2.3', sopInstanceUid: '1.2.4', sourceAe: 'TEST' };
  const refused = (dataset: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => writePart10({ ContentSequence: [dataset] }, identity), {
      code: 'REPORT_INVALID',
      message,
    });

  it('an unknown keyword is refused, not dropped, at any depth', () =>
    refused({ ContentSequence: [{ TextValu: 'lost' }] }, /unknown keyword TextValu/));

  it('a value that its representation does not hold is refused, not cut', () => {
    refused({ UID: '1'.repeat(65) }, /UID \(UI\) holds 64 bytes/);
    refused({ NumericValue: '1.2345678901234567e-7' }, /holds 16 bytes/);
    refused({ ValueType: 7 }, /ValueType cannot be written as CS/);
    refused({ CodeMeaning: 'x'.repeat(70_000) }, /holds no 70000 bytes/);
  });

  it('the file names who wrote it, and its data set is what dcmjs reads', () => {
    const { file } = buildReport(reportInput());
    assert.equal(decodeFileMeta(Buffer.from(file))?.meta.sourceAe, 'CALCIDISC');
    assert.equal(readBack().dataset.SOPInstanceUID, buildReport(reportInput()).sopInstanceUid);
  });
});
