import assert from 'node:assert/strict';
import { chooseMr } from '../../agent/backfill/choose.js';
import type { SeriesMatch } from '../../agent/query/matches.js';

const series = (seriesDescription: string, more: Partial<SeriesMatch> = {}): SeriesMatch => ({
  studyInstanceUid: '1.2',
  seriesInstanceUid: `1.2.${seriesDescription.length}`,
  modality: 'MR',
  seriesDescription,
  bodyPartExamined: '',
  seriesDate: null,
  instances: 15,
  ...more,
});

describe('backfill: which series of a study are sent for', () => {
  const rows: [what: string, study: string, found: SeriesMatch[], sent: number | string][] = [
    ['the study names the lumbar spine', 'MRT LWS', [series('t2_tse_sag'), series('t1_sag')], 2],
    ['nothing names a part: the images decide', '', [series('t2_sag')], 1],
    ['one series of another part beside it', 'MR LUMBAR SPINE', [series('t2 sag'), series('KNEE pd')], 1],
    [
      'the series names another part than its study',
      'MR LUMBAR SPINE',
      [series('t2', { bodyPartExamined: 'KNEE' })],
      'other-part',
    ],
    ['another part', 'MR BRAIN', [series('t2_tra')], 'other-part'],
    ['no MR at all', 'MRT LWS', [series('report', { modality: 'SR' })], 'no-mr'],
    ['nothing', 'MRT LWS', [], 'no-mr'],
  ];
  for (const [what, studyDescription, found, sent] of rows)
    it(`${what}: ${sent}`, () => {
      const choice = chooseMr({ studyDescription }, found);
      assert.equal('series' in choice ? choice.series.length : choice.reasonCode, sent);
      if (!('series' in choice)) assert.notEqual(choice.reason, '');
    });
});
