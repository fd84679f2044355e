// node scripts/reportHashes.mjs [TREE] [SEEDS]: sends the demo's phantom and those of some seeds through a built tree
// (this one by default), and prints the SHA-256 of each report. Ids, moments and the installation are random, so each
// report is built once more, by the tree's own code, from its own ReportInput with these four set to constants.
// Two trees that say the same of the same patients print the same lines.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const tree = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
const seeds = process.argv[3] ? process.argv[3].split(',').map(Number) : [1, 2, 3, 4, 5, 6, 8, 9, 10, 11];
/** Seed 7 as the demo draws it; the others with one calcified disc by the seed's number. */
const DRAWN = [
  { seed: 7, calcified: ['L4-L5', 'L5-S1'] },
  ...seeds.map((seed) => ({ seed, calcified: [`L${(seed % 4) + 1}-L${(seed % 4) + 2}`] })),
];
const LIMIT_MS = 600_000;

/** Rooms have moved: the first of these that the tree has. */
async function load(...places) {
  const found = places.map((place) => join(tree, 'dist', place)).find(existsSync);
  if (!found) throw new Error(`${tree} has none of ${places.join(', ')}: is it built?`);
  return import(pathToFileURL(found).href);
}

const { parseConfig } = await load('config/load.js');
const { createLogger } = await load('config/log.js');
const { startService } = await load('cli/service.js', 'agent/cli/service.js');
const { storeFiles } = await load('agent/deliver/scu.js');
const { gatherReportInput } = await load('agent/steps/reportInput.js');
const { buildReport } = await load('agent/report/build.js');
const { writePhantom } = await load('models/phantom/phantom.js', 'agent/phantom/phantom.js');
const { listCases } = await load('db/tables/cases.js', 'db/cases.js');

function withConstants(input, number) {
  return {
    ...input,
    caseId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    createdAt: new Date('2026-01-01T12:00:00Z'),
    device: { ...input.device, uid: '2.25.1', serialNumber: '1' },
  };
}

async function send(folder, port) {
  const files = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  const peer = { host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'HASHES' };
  for (const { error } of await storeFiles({ ...peer, files })) if (error) throw error;
}

async function reported(knex, mrStudyInstanceUid) {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(200)) {
    const [row] = await listCases(knex, { mrStudyInstanceUid });
    if (row?.state === 'parked') throw new Error(`parked: ${row.lastError}`);
    if (row?.state === 'reported') return row;
  }
  throw new Error('no report came in time');
}

const dir = mkdtempSync(join(tmpdir(), 'calcidisc-hashes-'));
const config = parseConfig({
  dataDir: join(dir, 'data'),
  dicom: { port: 0 },
  http: { port: 0 },
  log: { level: 'error' },
});
const log = createLogger(config);
const service = await startService(config, log, { agent: true, worker: true });
try {
  const { database } = service;
  for (const [number, { seed, calcified }] of DRAWN.entries()) {
    const outDir = join(dir, `phantom-${number}`);
    // A patient for each: none is paired with the CT of another.
    const truth = await writePhantom({ outDir, seed, calcified, patientId: `HASH-${number}` });
    // One patient after the other: a probability's last bits go by the batch.
    for (const modality of ['ct', 'mr']) await send(join(outDir, modality), service.dicomPort);
    const row = await reported(database.knex, truth.mr.studyInstanceUid);
    const input = await gatherReportInput({ config, database, log }, row);
    const { file } = buildReport(withConstants(input, number));
    const hash = createHash('sha256').update(file).digest('hex');
    console.log(
      `${number === 0 ? 'demo   ' : `seed ${String(seed).padStart(2)}`}  ${hash}  ${file.length} bytes`,
    );
    rmSync(outDir, { recursive: true });
  }
} finally {
  await service.close();
  rmSync(dir, { recursive: true, force: true });
}
