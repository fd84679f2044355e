import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Correction, type Measurement, readCorrection } from '../../agent/hear/correction.js';
import { verdictsOf } from '../../agent/hear/verdict.js';
import { answerLine } from '../../agent/report/answerLine.js';
import { buildReport } from '../../agent/report/build.js';
import { trackingOf } from '../../agent/report/measurements.js';
import { inputFrom, type StoredInput } from '../../agent/report/stored.js';
import type { ReportInput } from '../../agent/report/types.js';
import { projectRoot } from '../../config/root.js';
import { disc, reportInput, unstated } from '../report/sample.js';

const FOLDER = join(projectRoot, 'test/fixtures/ohif-correction');
const SAVED = readFileSync(join(FOLDER, 'correction.dcm'));
const REPORT: ReportInput = inputFrom(
  JSON.parse(readFileSync(join(FOLDER, 'report.json'), 'utf8')) as StoredInput,
);

describe('what OHIF saves of a corrected report', () => {
  it('names our report, the measurements as they were tracked, and nobody', () => {
    const { predecessors, reader, isOfDevice, measurements } = readCorrection(SAVED);
    assert.deepEqual(predecessors, [buildReport(REPORT).sopInstanceUid]);
    assert.equal(reader, '');
    assert.equal(isOfDevice, false);
    assert.equal(measurements.length, 4);
  });

  it('is a verdict on each disc: what was left, what was renamed, what was taken away', () => {
    const verdicts = verdictsOf(REPORT, readCorrection(SAVED), true);
    assert.deepEqual(
      verdicts.map(({ disc, verdict, answer, level, box }) => [disc, verdict, answer, level, box]),
      [
        ['L2-L3', 'confirmed', 'not-calcified', null, null],
        ['L3-L4', 'confirmed', 'not-calcified', null, null],
        ['L4-L5', 'rejected', 'not-calcified', null, null],
        ['L5-S1', 'confirmed', 'not-calcified', null, null],
        ['L1-L2', 'removed', null, null, null],
      ],
    );
    assert.equal(verdicts[2]!.words, 'L4-L5: not calcified');
  });

  it('our own report is said by a device, not by a reader', () => {
    assert.equal(readCorrection(Buffer.from(buildReport(REPORT).file)).isOfDevice, true);
  });
});

describe('a reader’s word about a disc', () => {
  const input = reportInput();

  /** Every disc left as it was. */
  function left(): Measurement[] {
    return input.discs.map((each, index) => ({
      trackingUid: trackingOf(input, each, index).uid,
      words: answerLine(input, each),
      findingCode: '',
      resultCode: '',
      box: boxOf(each.roiPixel),
      image: each.image.sopInstanceUid,
    }));
  }
  const boxOf = ([x0, y0, x1, y1]: readonly [number, number, number, number]) =>
    [x0 + 0.5, y0 + 0.5, x1 + 0.5, y1 + 0.5] as const;
  const correction = (measurements: readonly Measurement[]): Correction => ({
    sopInstanceUid: '1.2.3',
    studyInstanceUid: input.study.studyInstanceUid,
    predecessors: [],
    reader: 'Reader^One',
    isOfDevice: false,
    measurements,
  });
  /** Of L4-L5, which our report flags, with one thing changed. */
  function ofFlagged(change: Partial<Measurement>, replaces = true) {
    const changed = left().map((each, index) => (index === 3 ? { ...each, ...change } : each));
    return verdictsOf(input, correction(changed), replaces).find((each) => each.disc === 'L4-L5');
  }

  const WORDS = [
    ['L4-L5: not calcified', 'rejected', 'not-calcified', null],
    ['no calcification here', 'rejected', 'not-calcified', null],
    ['L4-L5: calcified, I agree', 'confirmed', 'calcified', null],
    ['wrong', 'rejected', 'not-calcified', null],
    ['agreed', 'confirmed', 'calcified', null],
    ['calcified?', 'unclear', null, null],
    ['see addendum', 'unclear', null, null],
    ['nicht verkalkt', 'rejected', 'not-calcified', null],
    ['Verkalkung bestätigt', 'confirmed', 'calcified', null],
    ['stimmt nicht', 'rejected', 'not-calcified', null],
    ['Verkalkung fraglich', 'unclear', null, null],
    ['L4-L5 : hernie non calcifiée', 'rejected', 'not-calcified', null],
    ['pas d’accord', 'rejected', 'not-calcified', null],
    ["d'accord", 'confirmed', 'calcified', null],
    ['sin calcificación', 'rejected', 'not-calcified', null],
    ['disco calcificado', 'confirmed', 'calcified', null],
    ['nessuna calcificazione', 'rejected', 'not-calcified', null],
    ['sono d’accordo', 'confirmed', 'calcified', null],
    ['geen verkalking', 'rejected', 'not-calcified', null],
    ['onjuist', 'rejected', 'not-calcified', null],
    ['sem calcificação', 'rejected', 'not-calcified', null],
    ['não concordo', 'rejected', 'not-calcified', null],
    ['L5-S1: calcified', 'confirmed', 'calcified', 'L5-S1'],
  ] as const;
  for (const [words, verdict, answer, level] of WORDS)
    it(`“${words}” is ${verdict}${level ? ` and moves the level to ${level}` : ''}`, () => {
      const said = ofFlagged({ words });
      assert.deepEqual([said?.verdict, said?.answer, said?.level], [verdict, answer, level]);
    });

  it('a code says more than words', () => {
    const said = ofFlagged({ words: 'calcified', resultCode: '272519000' });
    assert.deepEqual([said?.verdict, said?.answer], ['rejected', 'not-calcified']);
  });

  it('a box that was moved is kept where the reader drew it; one that came back through floats is the same', () => {
    const own = boxOf(input.discs[3]!.roiPixel);
    const at = (by: number) => ofFlagged({ box: own.map((edge) => edge + by) as unknown as typeof own })?.box;
    assert.equal(at(0.4), null);
    assert.deepEqual(
      at(6),
      own.map((edge) => edge + 6),
    );
  });

  it('a flagged disc whose box is gone is rejected; of a disc that was not flagged nothing is said', () => {
    const verdicts = verdictsOf(input, correction([]), true);
    assert.deepEqual(
      verdicts.map((each) => [each.disc, each.verdict, each.answer]),
      ['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1'].map((level) => [
        level,
        level === 'L4-L5' ? 'rejected' : 'removed',
        null,
      ]),
    );
  });

  it('without naming our report, what is not there was not taken away', () => {
    const [only, ...more] = verdictsOf(input, correction([left()[3]!]), false);
    assert.deepEqual([only?.disc, only?.verdict, more.length], ['L4-L5', 'confirmed', 0]);
    const strange = { ...left()[3]!, trackingUid: '1.2.9' };
    assert.deepEqual(verdictsOf(input, correction([strange]), false), []);
  });

  it('a tool that tracks anew is understood by where it drew', () => {
    const said = ofFlagged({ trackingUid: '1.2.9', words: 'not calcified' });
    assert.equal(said?.verdict, 'rejected');
  });

  it('a box of the reader’s own is told apart', () => {
    const own: Measurement = {
      ...left()[0]!,
      trackingUid: '1.2.9',
      words: 'L1-L2: calcified',
      box: [1, 1, 9, 9],
    };
    const added = verdictsOf(input, correction([...left(), own]), true).at(-1);
    assert.deepEqual(
      [added?.disc, added?.verdict, added?.answer, added?.level],
      [null, 'added', 'calcified', 'L1-L2'],
    );
  });

  it('where our levels are in doubt the reader’s is kept, the same as ours too', () => {
    const doubted = reportInput({ localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } });
    const measurement = {
      ...left()[3]!,
      trackingUid: trackingOf(doubted, doubted.discs[3]!, 3).uid,
      words: 'L4-L5: calcified',
    };
    const said = verdictsOf(doubted, correction([measurement]), false)[0];
    assert.deepEqual([said?.verdict, said?.level], ['confirmed', 'L4-L5']);
  });

  it('a disc of which we state nothing is confirmed by nobody’s silence', () => {
    const silent = reportInput({ discs: [disc('L4-L5', unstated('indeterminate', 'too noisy'))] });
    const measurement = {
      ...left()[3]!,
      words: answerLine(silent, silent.discs[0]!),
      trackingUid: trackingOf(silent, silent.discs[0]!, 0).uid,
    };
    const said = verdictsOf(silent, correction([measurement]), true)[0];
    assert.deepEqual([said?.verdict, said?.answer], ['unclear', null]);
  });
});
