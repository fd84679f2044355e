import assert from 'node:assert/strict';
import { buildOru } from '../../agent/report/hl7.js';
import type { ReportInput } from '../../agent/report/types.js';
import { CALCIFIED, disc, MR, reportInput, unstated } from './sample.js';

const PARTIES = {
  sendingApplication: 'CALCIDISC',
  sendingFacility: 'RESEARCH',
  receivingApplication: 'RIS',
  receivingFacility: 'HOSPITAL',
  processing: 'P',
} as const;

const oru = (changes: Partial<ReportInput> = {}, ...status: ['P' | 'C' | 'W'] | []) =>
  buildOru(reportInput(changes), PARTIES, status[0] ? { status: status[0] } : {});

/** Segments as a receiver splits them: field 0 is the name, MSH is numbered as the standard numbers it. */
function parse(message: string): string[][] {
  assert.match(message, /\r$/);
  return message
    .slice(0, -1)
    .split('\r')
    .map((segment) => segment.split('|'))
    .map((fields) => (fields[0] === 'MSH' ? ['MSH', '|', ...fields.slice(1)] : fields));
}

const segments = (message: string, name: string) => parse(message).filter(([first]) => first === name);
const one = (message: string, name: string) => segments(message, name)[0]!;
/** OBX of a code: sub-id -> [value, abnormal flag, status]. */
const observed = (message: string, codeValue: string) =>
  Object.fromEntries(
    segments(message, 'OBX')
      .filter((obx) => obx[3]!.startsWith(`${codeValue}^`))
      .map((obx) => [obx[4], [obx[5], obx[8], obx[11]]]),
  );

describe('HL7 ORU^R01', () => {
  it('is a v2.5.1 message in UTF-8', () => {
    const msh = one(oru(), 'MSH');
    assert.deepEqual(
      [msh[2], msh[9], msh[11], msh[12], msh[18]],
      ['^~\\&', 'ORU^R01^ORU_R01', 'P', '2.5.1', 'UNICODE UTF-8'],
    );
    assert.deepEqual(msh.slice(3, 8), ['CALCIDISC', 'RESEARCH', 'RIS', 'HOSPITAL', '20260312100807+0100']);
    assert.deepEqual(
      parse(oru())
        .map(([name]) => name)
        .join(' '),
      `MSH PID OBR ${'NTE '.repeat(5)}${'OBX '.repeat(11)}`.trim(),
    );
  });

  it('is found by the accession number and the study UID', () => {
    const obr = one(oru(), 'OBR');
    assert.deepEqual([obr[3], obr[18], obr[7]], ['ACC-77', 'ACC-77', '20260302101530']);
    assert.deepEqual(observed(oru(), '113014'), { '': [`^${MR.studyInstanceUid}^ISO`, '', 'P'] });
  });

  it('a disc that could not be read is neither normal nor abnormal, has no score, and the reason stands there', () => {
    const message = oru({ discs: [disc('L4-L5', unstated('not-assessable', 'blurred'))] });
    assert.equal(observed(message, '111012')['L4-L5'], undefined);
    const own = segments(message, 'OBX').filter((obx) => obx[4] === 'L4-L5');
    assert.deepEqual(
      own.map((obx) => [obx[2], obx[8]]),
      [
        ['CWE', ''],
        ['ST', ''],
      ],
    );
    assert.match(own[1]![5]!, /blurred/);
  });

  it('flags each level, with its probability', () => {
    const absent = ['272519000^Absent^SCT', 'N', 'P'];
    assert.deepEqual(observed(oru(), '18115005'), {
      'L1-L2': absent,
      'L2-L3': absent,
      'L3-L4': absent,
      'L4-L5': ['52101004^Present^SCT', 'A', 'P'],
      'L5-S1': absent,
    });
    assert.deepEqual(observed(oru(), '111012')['L4-L5'], ['87.31', '', 'P']);
    assert.ok(
      segments(oru(), 'OBX')
        .filter((obx) => obx[2] === 'NM')
        .every((obx) => obx[6] === '%^Percent^UCUM'),
    );
  });

  it('calls a level that is not there, or not sure, indeterminate and gives it no score', () => {
    const indeterminate = ['82334004^Indeterminate^SCT', '', 'P'];
    const partly = oru({ discs: [disc('L4-L5', CALCIFIED)] });
    assert.deepEqual(observed(partly, '18115005')['L5-S1'], indeterminate);
    assert.deepEqual(Object.keys(observed(partly, '111012')), ['L4-L5']);
    const uncertain = oru({ localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } });
    assert.deepEqual(Object.values(observed(uncertain, '18115005')), Array(5).fill(indeterminate));
    assert.deepEqual(observed(uncertain, '111012'), {});
    assert.match(
      segments(uncertain, 'NTE')
        .map((nte) => nte[3])
        .join(),
      /A person must confirm/,
    );
  });

  it('says that it is research software trained on simulated calcification', () => {
    const notes = segments(oru(), 'NTE')
      .map((nte) => nte[3])
      .join('\n');
    assert.match(notes, /research software, not a medical device/);
    assert.match(notes, /simulated calcification/);
  });

  it('corrects what it amends, and withdraws on request, each under its own control id', () => {
    const predecessor = {
      sopClassUid: '1.2',
      sopInstanceUid: '1.3',
      seriesInstanceUid: '1.4',
      studyInstanceUid: '1.5',
    };
    const corrected = oru({ predecessor, revision: 2 });
    const withdrawn = oru({}, 'W');
    const statuses = (message: string) => new Set(segments(message, 'OBX').map((obx) => obx[11]));
    assert.deepEqual(
      [statuses(oru()), statuses(corrected), statuses(withdrawn)].map((set) => [...set]),
      [['P'], ['C'], ['W']],
    );
    assert.deepEqual(
      [oru(), corrected, withdrawn].map((message) => one(message, 'OBR')[25]),
      ['P', 'C', 'C'],
    );
    assert.equal(new Set([oru(), corrected, withdrawn].map((message) => one(message, 'MSH')[10])).size, 3);
    assert.equal(oru(), oru());
    assert.ok(one(oru(), 'MSH')[10]!.length <= 20);
  });

  it('turns a DICOM name into an HL7 one, in every script it has', () => {
    const { patient } = reportInput();
    const name = (dicom: string) => one(oru({ patient: { ...patient, name: dicom } }), 'PID')[5];
    assert.equal(name('Doe^Jane^M^Dr.^PhD'), 'Doe^Jane^M^PhD^Dr.^^L^A');
    assert.equal(
      name('Yamada^Tarou=山田^太郎=やまだ^たろう'),
      'Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P',
    );
    assert.equal(name(''), '');
    assert.equal(one(oru(), 'PID')[3], 'P-0042^^^HOSPITAL^MR');
  });

  it('lets no text break out of its field, component or segment', () => {
    const { patient } = reportInput();
    const hostile = 'a|b^c&d~e\\f\rOBX|99|x\r\ng\nh';
    const message = oru({
      patient: { ...patient, id: hostile },
      localisation: { status: 'uncertain', reasons: [hostile] },
    });
    assert.equal(segments(message, 'OBX').length, 6);
    assert.match(one(message, 'PID')[3]!, /^a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\\.br\\OBX\\F\\99/);
    assert.ok(segments(message, 'NTE').some((nte) => nte[3]!.includes('a\\F\\b')));
  });
});
