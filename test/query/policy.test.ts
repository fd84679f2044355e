import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CountEvidence, isBelieved } from '../../agent/query/countPolicy.js';
import { parseMatch } from '../../agent/query/match.js';
import type { SeriesMatch, StudyMatch } from '../../agent/query/matches.js';
import { chooseStudies, datesAround, isSeriesInWindow } from '../../agent/query/priors.js';
import { compilePriorRule } from '../../agent/query/rule.js';
import { ConfigError, parseConfig } from '../../config/load.js';

const WANTED = {
  patientId: 'P1',
  issuerOfPatientId: 'HOSPITAL',
  wantedModality: 'CT',
  anchorDate: '2024-03-01',
  ...datesAround('2024-03-01', 28),
} as const;

const study = (over: Partial<StudyMatch> = {}): StudyMatch => ({
  studyInstanceUid: '1.2',
  patientId: 'P1',
  issuerOfPatientId: '',
  studyDate: '2024-02-20',
  studyDescription: '',
  modalities: ['CT'],
  ...over,
});
const series = (over: Partial<SeriesMatch> = {}): SeriesMatch => ({
  studyInstanceUid: '1.2',
  seriesInstanceUid: '1.2.3',
  modality: 'CT',
  seriesDescription: 'LWS 1.0 B60',
  bodyPartExamined: 'LSPINE',
  seriesDate: null,
  instances: 120,
  ...over,
});
const taken = (...found: StudyMatch[]) =>
  chooseStudies(WANTED, found, 2).studies.map(({ studyInstanceUid }) => studyInstanceUid);

describe('query: which studies are fetched', () => {
  it('asks for the window and a day, across the leap day', () => {
    assert.deepEqual(datesAround('2024-03-01', 28), { dateFrom: '2024-02-01', dateTo: '2024-03-30' });
  });
  it('the nearest in time, and no more than allowed; the rest is told', () => {
    const near = study({ studyInstanceUid: '1.1', studyDate: '2024-03-02' });
    const far = study({ studyInstanceUid: '1.9', studyDate: '2024-02-05' });
    const chosen = chooseStudies(WANTED, [far, study(), near], 2);
    assert.deepEqual(
      [chosen.studies.map((one) => one.studyInstanceUid), chosen.leftOut],
      [['1.1', '1.2'], 1],
    );
  });
  it('an answer about somebody else: an id that is a pattern to the PACS, another issuer', () => {
    assert.deepEqual(taken(study({ patientId: 'P10' }), study({ issuerOfPatientId: 'OTHER' })), []);
    assert.deepEqual(taken(study({ issuerOfPatientId: 'HOSPITAL' })), ['1.2']);
  });
  it('a PACS that matches neither modality nor date', () => {
    assert.deepEqual(taken(study({ modalities: ['MR', 'SR'] }), study({ studyDate: '2023-02-20' })), []);
    assert.deepEqual(
      taken(study({ modalities: [], studyDate: null })),
      ['1.2'],
      'what it does not say may fit',
    );
  });
  it('a series of another modality, or acquired outside the window, is not moved', () => {
    assert.equal(isSeriesInWindow(WANTED, series()), true);
    assert.equal(isSeriesInWindow(WANTED, series({ modality: 'SR' })), false);
    assert.equal(isSeriesInWindow(WANTED, series({ seriesDate: '2024-01-01' })), false);
  });
});

describe('query: the rule for priors', () => {
  const source = { name: 'pacs', channel: 'dimse' as const, aeTitle: 'PACS', host: 'h', port: 1, tls: false };
  const fits = (rule: string, one = series()) =>
    compilePriorRule(rule)({ source, study: study(), series: one, anchorDate: WANTED.anchorDate });

  it('asks about what the PACS said', () => {
    const rule = "Modality == 'CT' && NumberOfSeriesRelatedInstances >= 20 && daysApart <= 14";
    assert.equal(fits(rule), true);
    assert.equal(fits(rule, series({ instances: 2 })), false, 'a scout');
    assert.equal(fits(rule, series({ seriesDate: '2024-02-01' })), false);
  });
  it('one that cannot be worked out for a series is no; one that never could be stops the start', () => {
    const rule = "BodyPartExamined == '' || BodyPartExamined.split('SPINE')[1] == ''";
    assert.equal(fits(rule, series({ bodyPartExamined: 'LSPINE' })), true);
    assert.equal(fits(rule, series({ bodyPartExamined: 'CHEST' })), false);
    assert.throws(() => compilePriorRule('Modality =='), ConfigError);
    assert.throws(() => compilePriorRule('NoSuchKey > 3'), ConfigError);
  });
  it('two sources of one name, or TLS without our certificate, are wrong configurations', () => {
    assert.throws(() => parseConfig({ query: { sources: [source, source] } }), /same name/);
    assert.throws(() => parseConfig({ query: { sources: [{ ...source, tls: true }] } }), /pacs speaks TLS/);
  });
});

describe('query: an answer is read without trust', () => {
  const match = parseMatch({
    StudyDate: '20240230x',
    SeriesDate: '20240301',
    ModalitiesInStudy: ['CT', 'SR '],
    PatientName: [{ Alphabetic: 'A^B' }],
    NumberOfSeriesRelatedInstances: ' 12',
    PatientID: 77,
    SeriesDescription: undefined,
  });
  it('missing, empty, numbers, lists, names, padding', () => {
    assert.deepEqual([match.date('StudyDate'), match.date('SeriesDate')], [null, '2024-03-01']);
    assert.deepEqual(match.list('ModalitiesInStudy'), ['CT', 'SR']);
    assert.deepEqual(
      ['PatientName', 'PatientID', 'SeriesDescription', 'Absent'].map((keyword) => match.text(keyword)),
      ['A^B', '77', '', ''],
    );
    assert.deepEqual([match.count('NumberOfSeriesRelatedInstances'), match.count('StudyDate')], [12, null]);
  });
});

describe('query: when a count is believed', () => {
  const POLICY = { recountMs: 2_000, manyAssociationsGraceMs: 5_000 };
  const evidence = (over: Partial<CountEvidence> = {}): CountEvidence => ({
    count: 20,
    sameForMs: 2_000,
    stored: null,
    have: 12,
    isOpen: false,
    ...over,
  });
  const believed = (over: Partial<CountEvidence>) => isBelieved(evidence(over), POLICY);

  it('the same twice, when the source has more than is here', () => {
    assert.equal(believed({}), true);
    assert.equal(believed({ sameForMs: 0 }), false, 'once is not enough: it may be growing');
  });
  it('closed too early: a source that passes on image by image has no more than is here', () => {
    assert.equal(believed({ have: 20, isOpen: true, sameForMs: 60_000 }), false);
    assert.equal(believed({ have: 20, sameForMs: 2_000 }), false);
    assert.equal(believed({ have: 20, sameForMs: 5_000 }), true);
  });
  it('a source that has fewer than are here knows nothing', () => {
    assert.equal(believed({ have: 21, sameForMs: 60_000 }), false);
  });
  it('one that grows past what is believed replaces it at once, and nothing is written twice', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), fc.nat(500), fc.boolean(), (count, stored, have, isOpen) => {
        const answer = believed({ count, stored, have, isOpen, sameForMs: 0 });
        assert.equal(answer, count > stored);
      }),
    );
  });
});
