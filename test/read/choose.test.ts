import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LEVELS } from '../../agent/domain/levels.js';
import type { SeriesCandidate } from '../../agent/read/candidate.js';
import { choose, showsNoLumbarSpine } from '../../agent/read/choose.js';
import { parseConfig } from '../../config/load.js';
import { CONTRASTS } from '../../config/schema.js';

const { read: policy } = parseConfig({});

/** Five discs 35 mm apart, moved by so many millimetres along the spine. */
const spine = (movedMm = 0, count = 5) =>
  LEVELS.slice(0, count).map((level, i) => ({
    level,
    centrePatientMm: [2, 30, -35 * i + movedMm] as const,
  }));

function series(seriesNumber: number, over: Partial<SeriesCandidate> = {}, found = {}): SeriesCandidate {
  return {
    seriesInstanceUid: `1.2.${seriesNumber}`,
    seriesNumber,
    seriesDescription: 'T2 TSE SAG',
    frameOfReferenceUid: '1.9',
    role: 'mr',
    contrast: 'T2',
    isNamedLumbar: true,
    readingId: `reading ${seriesNumber}`,
    reading: { status: 'located', reasons: [], discs: spine(), pixelMm: 0.67, ...found },
    ...over,
  };
}

const MOTION = ['outside the study: ghosts of motion in the air behind the back'];
const chosen = (...candidates: SeriesCandidate[]) => choose(candidates, policy).chosen.seriesNumber;

describe('which of several series of a study is read', () => {
  for (const [name, best, ...others] of [
    ['T2 before fat-suppressed T2', series(3), series(5, { contrast: 'T2-FS' }, { pixelMm: 0.4 })],
    [
      'in-phase before water, water before fat',
      series(3, { contrast: 'T2-IN-PHASE' }),
      series(4, { contrast: 'T2-WATER' }),
      series(5, { contrast: 'T2-FAT' }),
    ],
    [
      'located before uncertain',
      series(3),
      series(4, {}, { status: 'uncertain', reasons: ['sacrum not seen'] }),
    ],
    ['still before moved', series(3), series(4, {}, { reasons: MOTION })],
    ['all five discs before four', series(3), series(4, {}, { discs: spine(0, 4) })],
    ['finer before coarser', series(3), series(4, {}, { pixelMm: 0.9 })],
    ['the repeat before the first', series(4), series(3)],
    [
      'any with discs before one without',
      series(3, { contrast: 'T1' }, { status: 'uncertain' }),
      series(4, {}, { status: 'not-found', discs: [], pixelMm: null }),
    ],
  ] as const)
    it(name, () => assert.equal(chosen(...others, best), best.seriesNumber));

  it('one to compare with is never read, nor one that cannot be decoded', () => {
    const check = series(9, { role: 'check' });
    const broken = series(8, {}, { status: 'unreadable', discs: [], reasons: ['JPEG XL'] });
    const { candidates, ...choice } = choose([broken, check, series(3, {}, { status: 'uncertain' })], policy);
    assert.equal(choice.chosen.seriesNumber, 3);
    assert.deepEqual(
      candidates.map(({ seriesNumber, verdict, why }) => [seriesNumber, verdict, why]),
      [
        [9, 'check-only', 'located to compare the levels only'],
        [3, 'chosen', ''],
        [8, 'passed-over', 'it cannot be read (JPEG XL)'],
      ],
    );
  });

  it('says of every other why it is not read', () => {
    const fs = series(5, { contrast: 'T2-FS' });
    const { candidates } = choose([series(3, {}, { reasons: MOTION }), fs, series(4)], policy);
    assert.deepEqual(
      candidates.map(({ seriesNumber, why }) => [seriesNumber, why]),
      [
        [4, ''],
        [3, MOTION[0]],
        [5, 'fat-suppressed T2 comes after T2'],
      ],
    );
  });

  it('a site may have another order: certainty before contrast', () => {
    const other = parseConfig({ read: { order: ['located', 'contrast', 'later'] } }).read;
    const doubtful = series(3, {}, { status: 'uncertain' });
    const fs = series(5, { contrast: 'T2-FS' });
    assert.equal(choose([doubtful, fs], policy).chosen.seriesNumber, 3);
    assert.equal(choose([doubtful, fs], other).chosen.seriesNumber, 5);
    assert.throws(() => parseConfig({ read: { order: ['later', 'later'] } }), /twice/);
  });

  it('the answer never depends on the order of arrival', () => {
    const any = fc.record({
      number: fc.option(fc.integer({ min: 1, max: 4 })),
      contrast: fc.constantFrom(...CONTRASTS),
      status: fc.constantFrom('located', 'uncertain', 'not-found'),
      pixelMm: fc.constantFrom(0.4, 0.67, 0.9),
      moved: fc.constantFrom(0, 3, 35),
      reasons: fc.constantFrom([], MOTION),
    });
    fc.assert(
      fc.property(
        fc.array(any, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        (given, random) => {
          const all = given.map(({ number, contrast, status, moved, ...found }, i) =>
            series(
              i,
              { seriesNumber: number, contrast },
              { ...found, status, discs: status === 'not-found' ? [] : spine(moved) },
            ),
          );
          const [first, ...orders] = [0, 1, 2].map(() =>
            choose(
              all
                .map((each) => [random.next().value!, each] as const)
                .sort((a, b) => a[0] - b[0])
                .map(([, each]) => each),
              policy,
            ),
          );
          for (const other of orders) {
            assert.equal(other.chosen, first!.chosen);
            assert.deepEqual(other.candidates, first!.candidates);
            assert.deepEqual(new Set(other.agreement.doubts), new Set(first!.agreement.doubts));
          }
        },
      ),
    );
  });
});

describe('levels of several series of one frame of reference', () => {
  const agreement = (...candidates: SeriesCandidate[]) => choose(candidates, policy).agreement;
  const fs = (movedMm: number, over = {}, found = {}) =>
    series(5, { contrast: 'T2-FS', ...over }, { discs: spine(movedMm), ...found });

  it('found in the same places are evidence', () => {
    assert.deepEqual(agreement(series(3), fs(3)), {
      agrees: [{ seriesInstanceUid: '1.2.5', medianMm: 3 }],
      doubts: [],
    });
  });

  it('named one apart are in doubt, and so are levels that lie elsewhere', () => {
    assert.deepEqual(agreement(series(3), fs(35)).doubts, [
      'series 5 "T2 TSE SAG" names the same discs one level apart',
    ]);
    assert.match(agreement(series(3), fs(18)).doubts[0]!, /finds the same levels 18 mm away/);
  });

  it('another frame of reference, a series that is not sure itself, or two discs say nothing', () => {
    const nothing = { agrees: [], doubts: [] };
    assert.deepEqual(agreement(series(3), fs(35, { frameOfReferenceUid: '1.8' })), nothing);
    assert.deepEqual(agreement(series(3, { frameOfReferenceUid: null }), fs(35)), nothing);
    assert.deepEqual(agreement(series(3), fs(35, {}, { status: 'uncertain' })), nothing);
    assert.deepEqual(agreement(series(3), fs(0, {}, { discs: spine(35, 2) })), nothing);
  });
});

describe('a picture that nobody named', () => {
  const nothing = { status: 'not-found', discs: spine(0, 2), reasons: [] };

  it('with fewer than three discs shows no lumbar spine', () => {
    assert.ok(showsNoLumbarSpine([series(3, { isNamedLumbar: false }, nothing)]));
  });

  it('without a sacrum below its discs shows none: a neck, a chest', () => {
    const neck = { status: 'uncertain', reasons: ['sacrum not seen: the lowest disc is not at the sacrum'] };
    assert.ok(showsNoLumbarSpine([series(3, { isNamedLumbar: false }, neck)]));
    assert.ok(!showsNoLumbarSpine([series(3, {}, neck)]), 'named lumbar, it is told with its doubt');
  });

  it('that cannot be read does not keep another one open', () => {
    const broken = series(4, { isNamedLumbar: false }, { status: 'unreadable', discs: [] });
    assert.ok(showsNoLumbarSpine([series(3, { isNamedLumbar: false }, nothing), broken]));
  });

  it('is never read before the lumbar spine, whatever its contrast', () => {
    const neck = series(3, { isNamedLumbar: false }, { status: 'uncertain', reasons: ['sacrum not seen'] });
    const lumbar = series(4, { contrast: 'T2-FS' });
    assert.equal(chosen(neck, lumbar), 4);
    const [, passed] = choose([neck, lumbar], policy).candidates;
    assert.match(passed!.why, /^it shows no lumbar spine/);
  });

  it('is one when any series of its study is, or is called so', () => {
    const unnamed = series(3, { isNamedLumbar: false }, nothing);
    assert.ok(!showsNoLumbarSpine([unnamed, series(4, { isNamedLumbar: true }, nothing)]));
    assert.ok(!showsNoLumbarSpine([unnamed, series(4, { isNamedLumbar: false })]));
  });
});
