import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningService, startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import { calcidisc } from '../support/command.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { serviceConfig } from '../support/service.js';

/** `walk administrator` … of docs/walks.md, each with its command lines. */
const WALKS = [
  ...readFileSync(join(projectRoot, 'docs/walks.md'), 'utf8').matchAll(/^```walk (\w+)\n([\s\S]*?)^```/gm),
].map(([, who, lines]) => ({ who: who!, lines: lines!.trim().split('\n') }));

describe('the five walks of docs/walks.md, command by command', function () {
  this.timeout(300_000);
  let dir: string;
  let test: TestDatabase;
  let service: RunningService;
  let variables: Record<string, string>;

  const run = (line: string) => {
    const words = line.replace(/\$(\w+)/g, (_, name: string) => variables[name]!).split(' ');
    assert.equal(words.shift(), 'calcidisc');
    const env = { CALCIDISC_CONFIG: join(dir, 'site.json') };
    return calcidisc(words, { cwd: dir, env });
  };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-walks-'));
    test = await createTestDatabase();
    const config = serviceConfig(test);
    service = await startService(config, quietLog, { agent: true, worker: true });
    const site = {
      dataDir: config.dataDir,
      database: { url: config.database.url },
      dicom: { port: service.dicomPort },
      http: { port: service.httpPort },
    };
    await writeFile(join(dir, 'site.json'), JSON.stringify(site));
    variables = { DICOM_PORT: `${service.dicomPort}` };
    const drawn = await calcidisc(
      ['phantom', '--out', 'phantom', '--seed', '7', '--calcified', 'L4-L5', '--patient-id', 'DAY-1'],
      { cwd: dir },
    );
    assert.equal(drawn.code, 0, drawn.stderr);
  });
  after(async () => {
    await service?.close();
    await test?.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** The case that the administrator's `send` has made, when it is read. */
  const reported = async (): Promise<string> => {
    for (;;) {
      const row = await test.database
        .knex('case')
        .whereIn('state', ['reported', 'delivered', 'parked'])
        .first();
      if (row) {
        assert.notEqual(row.state, 'parked', row.lastError);
        return row.id;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  for (const { who, lines } of WALKS)
    it(`${who}: ${lines.length} commands`, async () => {
      for (const line of lines) {
        if (line.includes('$CASE')) variables.CASE ??= (await reported()).slice(0, 8);
        const { code, stdout, stderr } = await run(line);
        assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
        if (line.endsWith('--json')) JSON.parse(stdout);
      }
    });
});
