import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('a service that is asked to end', function () {
  this.timeout(60_000);
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.close());

  const end = async (how: string, limitMs: number) => {
    const { dataDir, database } = test.config;
    const env = { PATH: process.env.PATH, CALCIDISC_DATA: dataDir, DATABASE_URL: database.url };
    const ports = { CALCIDISC_DICOM_PORT: '0', CALCIDISC_HTTP_PORT: '0', CALCIDISC_LOG_LEVEL: 'error' };
    const program = join(projectRoot, 'dist/test/support/endingChild.js');
    const child = spawn(process.execPath, [program, how, `${limitMs}`], { env: { ...env, ...ports } });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    return { code, stderr };
  };

  it('and fails at it ends with 1 and one sentence', async () => {
    const { code, stderr } = await end('fails', 60_000);
    const sentence = 'calcidisc: closing has failed, and nothing is lost: EIO: i/o error, close\n';
    assert.deepEqual({ code, stderr }, { code: 1, stderr: sentence });
  });

  it('and hangs is ended all the same, with 1 and one sentence', async () => {
    const { code, stderr } = await end('hangs', 500);
    const sentence = 'calcidisc: not closed within 0.5 s: ended all the same, nothing is lost\n';
    assert.deepEqual({ code, stderr }, { code: 1, stderr: sentence });
  });
});
