import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { storeFiles } from '../../agent/deliver/scu.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { filesUnder } from '../../cli/files.js';
import { runTool, storescu } from '../support/dcmtk.js';
import { needsPeer } from '../support/peers.js';
import { testReceiver } from '../support/receiver.js';

const FOLDER = 'import os, pydicom; print(os.path.join(os.path.dirname(pydicom.__file__), "data"))';

describe('every file of pydicom’s test set', () => {
  it('is kept byte for byte or refused with a reason, by our own client; none crashes the receiver', async function () {
    needsPeer(this, 'python');
    const { stdout } = await runTool('/usr/bin/python3', ['-c', FOLDER]);
    const files = await filesUnder([stdout.trim()]);
    assert.ok(files.length > 100, `${files.length} files`);
    const receiver = await testReceiver({ otherSopClasses: 'keep', acceptLossy: true });
    const to = { host: '127.0.0.1', port: receiver.port, calledAe: 'CALCIDISC', callingAe: 'PYDICOM' };
    const results = await storeFiles({ ...to, files });
    const hashes = new Set(await Promise.all(receiver.seen.files.map((each) => datasetHash(each.path))));
    let kept = 0;
    for (const { file, isStored, error } of results) {
      if (!isStored) assert.ok(error!.message.length > 10, file);
      else assert.ok(hashes.has(await datasetHash(file)), file);
      kept += isStored ? 1 : 0;
    }
    assert.equal(receiver.seen.files.length, kept);
    assert.ok(kept > 100, `${kept} of ${files.length} kept`);
    await receiver.close();
  });

  it('likewise from storescu, which proposes what it likes', async function () {
    needsPeer(this, 'python', 'dcmtk');
    const { stdout } = await runTool('/usr/bin/python3', ['-c', FOLDER]);
    const receiver = await testReceiver({ otherSopClasses: 'keep', acceptLossy: true });
    await storescu({ port: receiver.port, paths: [stdout.trim()], args: ['-nh', '-R', '-xv'] });
    assert.ok(receiver.seen.files.length > 50, `${receiver.seen.files.length} kept`);
    await receiver.close();
  });
});

async function datasetHash(path: string): Promise<string> {
  const bytes = await readFile(path);
  const { datasetOffset } = decodeFileMeta(bytes)!;
  return createHash('sha256').update(bytes.subarray(datasetOffset)).digest('hex');
}
