import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { newUid } from '../../agent/dicom/uid.js';
import { readerLines } from '../../agent/expose/readerWords.js';
import { inputFrom, type StoredInput } from '../../agent/report/stored.js';
import { type RunningService, startService } from '../../cli/service.js';
import { projectRoot } from '../../config/root.js';
import { listVerdicts } from '../../db/tables/readerVerdicts.js';
import { readCaseView } from '../../db/views/caseView.js';
import { insertRoutedCase, type ReportedCase } from '../deliver/reportedCase.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { serviceConfig } from '../support/service.js';
import { until } from '../support/until.js';

const FOLDER = join(projectRoot, 'test/fixtures/ohif-correction');
const SILENT = { mode: 'silent', rule: null, urgency: 'routine', sends: [], why: null } as const;

describe('a correction that comes by C-STORE', function () {
  this.timeout(90_000);
  let dir: string;
  let test: TestDatabase;
  let service: RunningService;
  let made: ReportedCase;

  before(async function () {
    needsPeer(this, 'dcmtk');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-hear-'));
    test = await createTestDatabase();
    const input = inputFrom(JSON.parse(await readFile(join(FOLDER, 'report.json'), 'utf8')) as StoredInput);
    made = await insertRoutedCase(test.database, SILENT, input);
    service = await startService(serviceConfig(test), quietLog, { agent: true, worker: false });
  });
  after(async () => {
    await service?.close();
    await test?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  const verdicts = () => listVerdicts(test.database.knex, made.row.id);
  const trail = () => test.database.knex('auditEvent').where({ event: 'READER_VERDICT' }).select('*');

  async function send(file: string, callingAe = 'VIEWER'): Promise<void> {
    const peer = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe };
    const [stored] = await storeFiles({ ...peer, files: [file] });
    assert.ok(stored!.isStored, JSON.stringify(stored));
  }

  /** The saved correction with elements changed, under a UID of its own. */
  async function changed(name: string, ...changes: string[]): Promise<string> {
    const file = join(dir, name);
    await copyFile(join(FOLDER, 'correction.dcm'), file);
    const { status, stderr } = spawnSync('dcmodify', [
      '-nb',
      '-m',
      `SOPInstanceUID=${newUid()}`,
      ...changes,
      file,
    ]);
    assert.equal(status, 0, String(stderr));
    return file;
  }

  it('becomes verdicts of that reader, once, on the trail, beside ours on page, command and JSON', async () => {
    await send(join(FOLDER, 'correction.dcm'));
    await until(async () => (await verdicts()).length === 5, 20_000);
    await send(join(FOLDER, 'correction.dcm'));
    await send(await changed('nobody.dcm', '-ea', 'PredecessorDocumentsSequence'));
    await until(
      async () => (await test.database.knex('unreadObject').whereNull('heardAt')).length === 0,
      20_000,
    );
    assert.equal((await verdicts()).length, 5);
    const [event, ...more] = await trail();
    assert.deepEqual([event?.actor, event?.subjectId, more.length], ['ae:VIEWER', made.row.id, 0]);
    assert.equal(event?.detail.rejected, 1);

    const origin = `http://127.0.0.1:${service.httpPort}`;
    const page = await (await fetch(`${origin}/cases/${made.row.id}`)).text();
    const [, section = ''] = /<h2 id="readers">(.*?)<\/section>/s.exec(page) ?? [];
    assert.match(
      section,
      /L4-L5: REJECTED, not calcified, “L4-L5: not calcified”; one reader, no CT: not taken for truth/,
    );
    const json = await (await fetch(`${origin}/api/cases/${made.row.id}`)).json();
    assert.equal((json as { readerVerdicts: unknown[] }).readerVerdicts.length, 5);
    const { cases } = (await (await fetch(`${origin}/api/cases`)).json()) as {
      cases: Record<string, number>[];
    };
    assert.deepEqual([cases[0]!.readerAnswers, cases[0]!.readerRejections], [1, 1]);
  });

  it('a correction of the correction speaks of the same report; a second reader of another name counts', async () => {
    const named = (name: string) => ['-m', `ContentSequence[1].PersonName=${name}`];
    await send(await changed('first.dcm', ...named('Reader^One')));
    await until(async () => (await verdicts()).length === 10, 20_000);
    const alone = readerLines((await readCaseView(test.database.knex, made.row.id))!);
    assert.ok(alone.every((line) => !/second reader/.test(line)));
    const first = (await verdicts())[0]!.sopInstanceUid;
    const predecessor =
      'PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]';
    await send(
      await changed(
        'second.dcm',
        ...named('Reader^Two'),
        '-m',
        `${predecessor}.ReferencedSOPInstanceUID=${first}`,
      ),
    );
    await until(async () => (await verdicts()).length === 15, 20_000);
    const lines = readerLines((await readCaseView(test.database.knex, made.row.id))!);
    assert.match(lines[0]!, /Reader Two \(by VIEWER\)/);
    assert.ok(
      lines.some((line) => /L4-L5: REJECTED.*; a second reader says the same/.test(line)),
      lines.join('\n'),
    );
    const unnamed = lines.slice(lines.findIndex((line) => /unnamed reader/.test(line)));
    assert.ok(
      unnamed.every((line) => !/second reader/.test(line)),
      unnamed.join('\n'),
    );
  });

  it('what is no report of ours, and what cannot be read, is kept and says nothing', async () => {
    const before = (await verdicts()).length;
    const bytes = await readFile(join(FOLDER, 'correction.dcm'));
    const broken = join(dir, 'broken.dcm');
    await writeFile(broken, bytes.subarray(0, bytes.length - 4_000));
    await send(broken).catch(() => undefined);
    const all = () => test.database.knex('unreadObject').select('heardAt');
    await until(async () => (await all()).every(({ heardAt }) => heardAt !== null), 20_000);
    assert.equal((await verdicts()).length, before);
  });
});
