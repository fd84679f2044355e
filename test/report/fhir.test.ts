import assert from 'node:assert/strict';
import { LEVEL_TABLE, LEVELS } from '../../agent/domain/levels.js';
import { buildReport } from '../../agent/report/build.js';
import { buildFhir, bundleOf, type Resource } from '../../agent/report/fhir.js';
import type { ReportInput } from '../../agent/report/types.js';
import { CALCIFIED, CT, disc, MR, reportInput, unstated } from './sample.js';

const unpaired = {
  ct: null,
  pairing: { outcome: 'no-ct', intervalDays: null, windowDays: 28, candidates: [] },
} as const;

const SHAPES: Readonly<Record<string, Partial<ReportInput>>> = {
  paired: {},
  uncertain: { localisation: { status: 'uncertain', reasons: ['sacrum not seen'] } },
  'not found': {
    ...unpaired,
    localisation: { status: 'not-found', reasons: [] },
    discs: [],
    classifier: null,
  },
  'without a score': { ...unpaired, classifier: null, discs: [disc('L4-L5', { answer: null, ct: null })] },
  'that could not read a disc': { discs: [disc('L4-L5', unstated('not-assessable', 'blurred'))] },
  'that cannot tell': { discs: [disc('L4-L5', unstated('indeterminate', 'near the threshold'))] },
  'of nobody': {
    patient: { name: '', id: '', issuerOfPatientId: '', birthDate: null, sex: '' },
    study: { ...reportInput().study, accessionNumber: '', date: null, time: '' },
    mr: { ...MR, studyDate: null },
  },
};

const build = (changes: Partial<ReportInput> = {}) => buildFhir(reportInput(changes));
const resources = (changes: Partial<ReportInput>) =>
  (bundleOf(build(changes), 'https://calcidisc.test/fhir').entry as { resource: Resource }[]).map(
    ({ resource }) => resource,
  );
const codeOf = (concept: unknown) =>
  (concept as { coding: { code: string; system: string }[] }).coding[0]!.code;

describe('FHIR R4', () => {
  for (const [shape, changes] of Object.entries(SHAPES)) {
    it(`a report ${shape} has nothing empty, legal ids, and no reference into the void`, () => {
      const all = resources(changes);
      const there = new Set(all.map(({ resourceType, id }) => `${resourceType}/${id}`));
      assert.equal(there.size, all.length);
      for (const { id } of all) assert.match(id, /^[A-Za-z0-9.-]{1,64}$/);
      walk(all, (key, value) => {
        assert.ok(value !== '' && value !== null && value !== undefined, `${key} is empty`);
        if (typeof value === 'object') assert.ok(Object.keys(value).length > 0, `${key} is empty`);
        if (key === 'reference') assert.ok(there.has(value as string), `${value} is not there`);
        if (key === 'issued' || key === 'authoredOn')
          assert.match(value as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
      });
    });
  }

  it('says what the SR says, disc by disc', () => {
    const { observations } = build();
    assert.deepEqual(
      observations.map(({ bodySite, valueCodeableConcept }) => [
        codeOf(bodySite),
        codeOf(valueCodeableConcept),
      ]),
      LEVELS.map((level) => [LEVEL_TABLE[level].code.value, level === 'L4-L5' ? '52101004' : '272519000']),
    );
    const components = observations[3]!.component as {
      code: unknown;
      valueQuantity: Record<string, unknown>;
    }[];
    assert.deepEqual(
      components.map(({ code, valueQuantity }) => [codeOf(code), valueQuantity.value, valueQuantity.code]),
      [
        ['111012', 87.31, '%'],
        ['112031', 214.3, "[hnsf'U]"],
        ['112031', 371.25, "[hnsf'U]"],
      ],
    );
  });

  it('has no value for a disc that could not be read, and says why', () => {
    const [observation] = build({
      discs: [disc('L4-L5', unstated('not-assessable', 'blurred'))],
    }).observations;
    const { valueCodeableConcept, dataAbsentReason, note, component } = observation!;
    assert.equal(valueCodeableConcept, undefined);
    assert.equal(codeOf(dataAbsentReason), 'not-performed');
    assert.match(JSON.stringify(note), /blurred/);
    assert.doesNotMatch(JSON.stringify(component ?? []), /111012/);
  });

  it('is preliminary everywhere, and found by the SR and the accession number', () => {
    const { diagnosticReport, observations } = build();
    assert.deepEqual(
      new Set([diagnosticReport, ...observations].map(({ status }) => status)),
      new Set(['preliminary']),
    );
    const { sopInstanceUid } = buildReport(reportInput());
    const identifiers = (diagnosticReport.identifier as { value: string }[]).map(({ value }) => value);
    assert.deepEqual(identifiers, [`urn:oid:${sopInstanceUid}`, 'ACC-77']);
    assert.match(String(diagnosticReport.conclusion), /research software.*simulated calcification/s);
  });

  it('refers to the MR study and the CT study with the series that were read', () => {
    const { imagingStudies } = build();
    assert.deepEqual(
      imagingStudies.map(({ id }) => id),
      [MR.studyInstanceUid, CT.studyInstanceUid],
    );
    const counts = imagingStudies.map(
      ({ series }) => (series as { numberOfInstances: number }[])[0]!.numberOfInstances,
    );
    assert.deepEqual(counts, [5, 8]);
    const together = build({ ct: { ...CT, studyInstanceUid: MR.studyInstanceUid } }).imagingStudies;
    assert.deepEqual(
      together.map(({ series }) => (series as unknown[]).length),
      [2],
    );
  });

  it('states no level of an uncertain report, tracks none, and asks for a person', () => {
    const { observations, task } = build(SHAPES.uncertain);
    for (const { bodySite, identifier } of observations)
      assert.deepEqual([codeOf(bodySite), identifier], ['360499006', undefined]);
    assert.match(String(task.description), /A person must confirm the level/);
  });

  it('asks for the CT when a disc is flagged on MR alone', () => {
    const { task } = build({ ...unpaired, discs: [disc('L4-L5', { ...CALCIFIED, ct: null })] });
    assert.match(String(task.description), /no lumbar CT is known here to confirm/);
    assert.deepEqual([task.status, task.intent], ['requested', 'proposal']);
  });

  it('carries no name of the patient', () => {
    assert.doesNotMatch(JSON.stringify(resources({})), /Doe|Jane/);
  });
});

function walk(value: unknown, visit: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    visit(key, inner);
    walk(inner, visit);
  }
}
