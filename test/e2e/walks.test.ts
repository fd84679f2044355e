import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type RunningService, startService } from '../../cli/service.js';
import { type Logger, prettyLine } from '../../config/log.js';
import { projectRoot } from '../../config/root.js';
import { calcidisc } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';

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
  let pacs: TestReceiver;
  const lines: LogLine[] = [];

  const run = (line: string) => {
    const words = line.replace(/\$(\w+)/g, (_, name: string) => variables[name]!).split(' ');
    assert.equal(words.shift(), 'calcidisc');
    const env = { CALCIDISC_CONFIG: join(dir, 'site.json') };
    return calcidisc(words, { cwd: dir, env });
  };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-walks-'));
    test = await createTestDatabase();
    pacs = await testReceiver({ aeTitle: 'PACS' });
    const route = { destinations: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port }] };
    const config = serviceConfig(test, { route });
    service = await startService(config, capturedLog(lines), { agent: true, worker: true });
    const site = {
      dataDir: config.dataDir,
      database: { url: config.database.url },
      dicom: { port: service.dicomPort },
      http: { port: service.httpPort },
      route,
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
    await pacs?.close();
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

  it('every line of the log that concerns the case names it, one for each step', async () => {
    const row = await test.database.knex('case').first();
    await until(() => lines.some(({ to }) => to === 'delivered'));
    const ours = lines.filter(({ caseId, caseIds }) => caseId === row.id || caseIds?.includes(row.id));
    const states = ours.filter(({ msg }) => msg === 'a step is done').map(({ to }) => to);
    assert.deepEqual(states, ['paired', 'located', 'classified', 'reported', 'delivered']);
    const told = new Set(ours.map(({ msg }) => msg));
    for (const msg of ['series complete', 'series read', 'delivered']) assert.ok(told.has(msg), msg);
    const { mrSeriesInstanceUid: uid } = await test.database.knex('case').first();
    const silent = lines.filter((line) => !ours.includes(line));
    assert.deepEqual(
      silent.filter((line) => JSON.stringify(line).includes(uid) || line.state || line.sopInstanceUid),
      [],
    );
    assert.match(prettyLine(JSON.stringify(ours[0])), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO /);
    assert.ok(!JSON.stringify(lines).includes('PHANTOM^'), 'no patient is named');
  });
});

type LogLine = Readonly<Record<string, unknown>> & {
  readonly msg: string;
  readonly caseId?: string;
  readonly caseIds?: readonly string[];
};

/** The service's log as it would be written, line by line. */
function capturedLog(lines: LogLine[]): Logger {
  return pino({ base: {} }, { write: (line: string) => lines.push(JSON.parse(line)) });
}
