import assert from 'node:assert/strict';
import { buildReport } from '../../agent/report/build.js';
import { buildCapture } from '../../agent/report/capture.js';
import { inputFrom, type StoredInput, storedOf } from '../../agent/report/stored.js';
import type { ReportInput } from '../../agent/report/types.js';
import { disc, MR, reportInput } from './sample.js';

const throughJson = (input: ReportInput) =>
  inputFrom(JSON.parse(JSON.stringify(storedOf(input))) as StoredInput);

/** As rows of the database come into a report: with more than it says. */
const rowLike = {
  ...reportInput(),
  localisation: {
    status: 'located',
    reasons: [],
    slicePng: Buffer.alloc(100_000),
    createdAt: new Date(),
  } as ReportInput['localisation'],
  mr: {
    ...MR,
    instances: MR.instances.map((each) => ({ ...each, spoolPath: 'spool/store/x', callingAe: 'MR1' })),
  },
};

const SHAPES: Readonly<Record<string, ReportInput>> = {
  'as rows bring it': rowLike,
  'without an answer': reportInput({ ct: null, discs: [disc('L4-L5', { answer: null, ct: null })] }),
  'of an amendment': reportInput({
    revision: 2,
    predecessor: { ...MR.instances[0]!, studyInstanceUid: '1.2', seriesInstanceUid: '1.3' },
    patient: { ...reportInput().patient, name: 'Müller^Zoë=王^小东' },
  }),
};

describe('report: what is kept of it', () => {
  for (const [shape, input] of Object.entries(SHAPES))
    it(`gives the same SR and the same picture, to the bit: ${shape}`, async () => {
      const again = throughJson(input);
      assert.deepEqual(buildReport(again), buildReport(input));
      assert.deepEqual(await buildCapture(again, null), await buildCapture(input, null));
    });

  it('gives the same SR where the process keeps another time zone', () => {
    const { utcOffsetMinutes: _, ...local } = reportInput();
    const zone = process.env.TZ;
    try {
      process.env.TZ = 'Asia/Tokyo';
      const stored = JSON.stringify(storedOf(local));
      const written = buildReport(local);
      process.env.TZ = 'America/New_York';
      assert.deepEqual(buildReport(inputFrom(JSON.parse(stored))), written);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  it('holds no pixels and no paths', () => {
    const stored = JSON.stringify(storedOf(rowLike));
    assert.doesNotMatch(stored, /slicePng|spoolPath|callingAe/);
  });
});
