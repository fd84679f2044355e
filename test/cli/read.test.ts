import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { indexToPatient } from '../../agent/dicom/geometry.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { readSeries } from '../../agent/locate/series.js';
import { projectRoot } from '../../config/root.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import type { Elements } from '../dicom/writePart10.js';
import { UNUSED_CT } from '../support/coarse.js';
import { type Drawn, drawnOf, writeSingles } from '../support/encoded.js';

const run = promisify(execFile);
const SEED = 32;

/** The lower part of a picture: the sacrum, and the discs next to it at the upper edge. */
function lowerPart({ plane, values }: Drawn): Drawn {
  const from = Math.round((plane.rows * 5) / 9);
  const origin = indexToPatient(plane, 0, from);
  return {
    plane: { ...plane, origin, rows: plane.rows - from },
    values: values.slice(from * plane.columns),
  };
}

describe('the whole decision for a folder, without a service', function () {
  this.timeout(600_000);
  let folder: string;
  let answer: { studies: Study[] };

  interface Study {
    readonly studyInstanceUid: string;
    readonly series: string | null;
    readonly why: string | null;
    readonly status: string | null;
    readonly pairing: { readonly outcome: string; readonly intervalDays: number } | null;
    readonly others: readonly { readonly role: string }[];
    readonly discs: readonly {
      readonly level: string;
      readonly flag: string;
      readonly probability: number | null;
    }[];
  }

  async function calcidisc(...args: string[]): Promise<string> {
    const { stdout } = await run('node', [join(projectRoot, 'bin', 'calcidisc.mjs'), ...args], {
      env: { ...process.env, CALCIDISC_DATA: join(folder, 'data') },
      maxBuffer: 1 << 24,
    });
    return stdout;
  }

  async function write(name: string, images: readonly Drawn[], elements: Elements): Promise<void> {
    const path = join(folder, 'in', name);
    await mkdir(path);
    await writeSingles(path, 'MR', images, { slope: 1, intercept: 0 }, (i) => ({
      SOPInstanceUID: `2.25.9${name.length}.${i}`,
      StudyInstanceUID: `2.25.7${name.length}`,
      SeriesInstanceUID: `2.25.8${name.length}`,
      SeriesDescription: 'T2 TSE SAG',
      EchoTime: '102',
      RepetitionTime: '3500',
      ScanningSequence: 'SE',
      ...elements,
    }));
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-read-'));
    await writePhantom({
      outDir: join(folder, 'in', 'lumbar'),
      seed: SEED,
      mr: { slices: 9, matrix: 256 },
      ct: UNUSED_CT,
      mrDate: '20240110',
      ctDate: '20240120',
    });
    const mr = join(folder, 'in', 'lumbar', 'mr');
    const { images } = await readSeries((await readdir(mr)).map((file) => join(mr, file)));
    const slices = images.map(drawnOf);
    await write('pelvis', slices.map(lowerPart), {});
    await write('called head', slices.slice(0, 3), { BodyPartExamined: 'KOPF' });
    answer = JSON.parse(await calcidisc('read', join(folder, 'in'), '--json'));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true });
  });

  const studyWith = (is: (study: Study) => boolean) => answer.studies.find(is)!;

  it('reads the lumbar MR, sets it against its CT, and flags five discs', () => {
    const { status, pairing, discs, why } = studyWith(({ series }) => series !== null);
    assert.equal(why, null);
    assert.notEqual(status, 'not-found');
    assert.equal(pairing?.intervalDays ?? 10, 10);
    assert.deepEqual(
      discs.map(({ level }) => level),
      [...LEVELS],
    );
    for (const { flag, probability } of discs) {
      assert.ok(['calcified', 'not-calcified', 'indeterminate', 'not-assessable'].includes(flag), flag);
      assert.equal(probability === null, flag === 'not-assessable' && probability === null);
    }
  });

  it('the CT is no study to be read, and says what it is', () => {
    const { others, why, discs } = studyWith(({ others }) => others.some(({ role }) => role === 'ct'));
    assert.deepEqual([others.length, why, discs], [1, 'no MR series that the rules let in', []]);
  });

  it('a picture that nothing names and that shows no lumbar spine says nothing of discs', () => {
    const { series, why, discs } = studyWith(({ studyInstanceUid }) => studyInstanceUid === '2.25.76');
    assert.deepEqual([series, why, discs], [null, 'no lumbar spine here', []]);
  });

  it('what its header calls a head is not looked at', () => {
    const { series, others } = studyWith(({ studyInstanceUid }) => studyInstanceUid === '2.25.711');
    assert.deepEqual([series, others[0]?.role], [null, 'ignored']);
  });

  it('rules test says what each is taken for, and which would be read', async () => {
    const said = JSON.parse(await calcidisc('rules', 'test', join(folder, 'in'), '--json'));
    const roles = said.series.map(({ role, choice }: { role: string; choice: { verdict: string } | null }) =>
      [role, choice?.verdict].filter(Boolean).join(' '),
    );
    assert.deepEqual(roles.toSorted(), ['ct', 'ignored', 'mr chosen', 'mr chosen']);
    assert.equal(said.passedBy, 1, 'truth.json');
    assert.match(
      await calcidisc('rules', 'test', join(folder, 'in')),
      /KOPF|region OTHER by BodyPartExamined/,
    );
  });
});
