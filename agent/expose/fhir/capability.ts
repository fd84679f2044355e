import { version } from '../../../config/version.js';
import { CASE_PARAMETERS, PARAMETERS, PATIENT_PARAMETERS, SERVED, type ServedType } from './parameters.js';

/** R4 CapabilityStatement: what there is to ask for. @param base where it is served, without a slash at the end */
export function capabilityStatement(base: string, startedAt: Date) {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: startedAt.toISOString(),
    kind: 'instance',
    software: { name: 'Calcidisc', version },
    implementation: {
      description: 'Results of a research device: not a medical device, nothing here is verified.',
      url: base,
    },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        documentation:
          'Read only. What is searched by and not listed here is an error. The newest changes come first; a page without resources may have a next one.',
        security: {
          description: 'Authorization: Bearer, a token of the role viewer (calcidisc token add)',
        },
        resource: (Object.keys(SERVED) as ServedType[]).map(resourceOf),
      },
    ],
  };
}

function resourceOf(type: ServedType) {
  const named = (['_id', '_lastUpdated', ...SERVED[type]] as (keyof typeof PARAMETERS)[]).map((name) => ({
    name,
    type: PARAMETERS[name].type,
  }));
  const ofCase =
    type === 'Device'
      ? []
      : [
          ...PATIENT_PARAMETERS.map((name) => ({ name, type: 'token' })),
          ...CASE_PARAMETERS.map((name) => ({ name, type: 'token', documentation: DOCUMENTED[name] })),
        ];
  return {
    type,
    interaction: [{ code: 'read' }, { code: 'search-type' }],
    versioning: 'versioned',
    readHistory: false,
    updateCreate: false,
    conditionalRead: 'not-match',
    searchParam: [...named, ...ofCase],
  };
}

const DOCUMENTED: Readonly<Record<(typeof CASE_PARAMETERS)[number], string>> = {
  study: 'Study Instance UID of the MR or the CT that the result tells of; no parameter of R4',
  accession: 'accession number of the study that the result tells of; no parameter of R4',
};
