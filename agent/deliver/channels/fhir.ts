import type { DestinationOf } from '../../../config/destinations.js';
import { CalcidiscError } from '../../domain/errors.js';
import { fhirTransaction } from '../../report/fhirTransaction.js';
import { type Channel, type Outcome, oneByOne } from '../channel.js';
import { type HttpAnswer, outcomeOfStatus, post } from '../http.js';

const JSON_TYPE = 'application/fhir+json';

/** FHIR R4: one transaction for each report, posted to the server's base (3.1.0.11). */
export const fhir: Channel<DestinationOf<'fhir'>> = {
  async compose({ input, urgency, previous, withdrawn }) {
    const bundle = fhirTransaction(input, { urgency, earlier: previous ? [previous] : [], withdrawn });
    return { form: 'fhir', bytes: Buffer.from(JSON.stringify(bundle), 'utf8'), id: bundle.id };
  },
  send: (items, destination, { signal }) =>
    oneByOne(items, signal, async ({ bytes }) => {
      const headers = { 'content-type': JSON_TYPE, accept: JSON_TYPE };
      return outcomeOfBundle(destination.name, await post(destination, '', headers, bytes, signal));
    }),
  describe: ({ url }) => ({ url }),
};

/** All or nothing; but whoever answers 200 and says of an entry that it failed has not taken it. */
export function outcomeOfBundle(name: string, answer: HttpAnswer): Outcome {
  const said = parsed(answer.text);
  const outcome = outcomeOfStatus(name, answer, issuesOf(said));
  if (outcome.kind !== 'stored') return outcome;
  const failed = (said.entry ?? []).find(({ response }) => !/^2\d\d/.test(response?.status ?? '200'));
  if (!failed) return outcome;
  const words = `${name} answered HTTP ${answer.status}, and ${failed.response!.status} for an entry: is it no transaction there?`;
  return { kind: 'failed', answer: outcome.answer, error: new CalcidiscError('DESTINATION_REFUSED', words) };
}

interface Said {
  readonly entry?: readonly { readonly response?: { readonly status?: string } }[];
  readonly issue?: readonly { readonly code?: string; readonly expression?: readonly string[] }[];
}

/** OperationOutcome: its codes and places; its words may repeat what was sent, and with it a name. */
function issuesOf({ issue = [] }: Said): string {
  return issue
    .slice(0, 3)
    .map(({ code = '', expression = [] }) => [code, ...expression].join(' '))
    .join(', ');
}

function parsed(text: string): Said {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Said) : {};
  } catch {
    return {};
  }
}
