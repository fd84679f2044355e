import assert from 'node:assert/strict';
import { answerSha256 } from '../../agent/report/answer.js';
import { buildReport } from '../../agent/report/build.js';
import { remarks } from '../../agent/report/evaluations.js';
import { readReport } from '../../agent/report/tree.js';
import type { ReportInput } from '../../agent/report/types.js';
import { reportInput } from './sample.js';

const CHOICE: NonNullable<ReportInput['choice']> = {
  candidates: [
    {
      seriesInstanceUid: '1.4',
      seriesNumber: 4,
      seriesDescription: 'T2 SAG REPEAT',
      verdict: 'chosen',
      why: '',
    },
    {
      seriesInstanceUid: '1.3',
      seriesNumber: 3,
      seriesDescription: 'T2 SAG',
      verdict: 'passed-over',
      why: 'outside the study: ghosts of motion in the air behind the back',
    },
    {
      seriesInstanceUid: '1.5',
      seriesNumber: null,
      seriesDescription: '',
      verdict: 'check-only',
      why: 'located to compare the levels only',
    },
  ],
  agreement: { agrees: [{ seriesInstanceUid: '1.5', medianMm: 1.2 }] },
};

describe('the series a report was read from', () => {
  it('stands in it, with the others and why they were not', () => {
    const said = remarks(reportInput({ choice: CHOICE })).join('\n');
    assert.match(said, /Read: series 4 "T2 SAG REPEAT"\./);
    assert.match(said, /series 3 "T2 SAG": outside the study: ghosts of motion/);
    assert.match(said, /a series without number: located to compare the levels only/);
    assert.match(said, /independently in a series without number \(within 1.2 mm\)/);
  });

  it('is not spoken of where an older version chose none', () => {
    assert.doesNotMatch(remarks(reportInput({ choice: null })).join('\n'), /Read: /);
  });

  it('reports of joined cases are replaced with the predecessor', () => {
    const document = (end: number) => ({
      studyInstanceUid: reportInput().study.studyInstanceUid,
      seriesInstanceUid: `2.25.${end}`,
      sopInstanceUid: `2.25.${end}0`,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
    });
    const input = reportInput({
      revision: 2,
      predecessor: document(1),
      alsoReplaced: [document(2), document(3)],
    });
    const { predecessors } = readReport(buildReport(input).file);
    assert.deepEqual(predecessors, ['2.25.10', '2.25.20', '2.25.30']);
    assert.match(remarks(input).join('\n'), /replaces the one before, and 2 of other series/);
  });
});

describe('whether a report would tell its reader something else', () => {
  const first = answerSha256(reportInput());
  const changed = (changes: Partial<ReportInput>) => answerSha256(reportInput(changes)) !== first;
  const { patient, study, mr, discs } = reportInput();

  it('not by another revision, time, program or age', () => {
    const again = { revision: 3, createdAt: new Date(0), patient: { ...patient, age: '054Y' } };
    assert.ok(!changed(again));
    assert.ok(!changed({ device: { ...reportInput().device, softwareVersion: '9' } }));
  });

  it('not by the last bits of a probability', () => {
    const same = discs.map((disc) => ({
      ...disc,
      answer: disc.answer && { ...disc.answer, probability: disc.answer.probability + 1e-7 },
    }));
    assert.ok(!changed({ discs: same }));
  });

  for (const [what, changes] of [
    ['the accession number', { study: { ...study, accessionNumber: 'OTHER' } }],
    ['the referring physician', { study: { ...study, referringPhysicianName: 'NEW^DOC' } }],
    ['the patient', { patient: { ...patient, id: 'P-0043' } }],
    ['the series read', { mr: { ...mr, seriesInstanceUid: '2.25.77' } }],
    ['the CT', { ct: null }],
    ['the certainty of the levels', { localisation: { status: 'uncertain' as const, reasons: [] } }],
    [
      'a result',
      {
        discs: discs.map((disc, i) =>
          i === 0 && disc.answer
            ? { ...disc, answer: { ...disc.answer, answer: 'calcified' as const } }
            : disc,
        ),
      },
    ],
  ] as const)
    it(`by ${what}`, () => assert.ok(changed(changes)));
});
