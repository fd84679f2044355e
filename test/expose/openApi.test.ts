import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { z } from 'zod';
import { CaseList, FoundList, Problem, TrailPage, WholeCase } from '../../agent/expose/schemas.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import { page, token } from '../access/rig.js';
import { useDatabase } from '../support/database.js';
import { fillShowcase, type Showcase } from './showcase.js';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly required?: boolean;
    readonly schema: object;
  }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

describe('expose: what OpenAPI says of the JSON, and what the JSON is', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let http: RunningHttp;
  let shown: Showcase;
  let bearer: string;

  before(async () => {
    shown = await fillShowcase(db.config, db.database);
    http = await page(db);
    bearer = await token(db.database, 'program', 'auditor');
  });
  after(() => http?.close());

  const get = (path: string) =>
    fetch(`http://127.0.0.1:${http.port}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
  const document = async () =>
    (await (await fetch(`http://127.0.0.1:${http.port}/api/openapi.json`)).json()) as Document;

  it('is a valid OpenAPI 3.1 document, to whoever asks, with every address under /api and no other', async () => {
    const described = await document();
    const { valid, errors } = await new Validator().validate({ ...structuredClone(described) });
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(described.openapi, '3.1.0');
    const routes = http.routes.filter(({ method, url }) => method !== 'HEAD' && url.startsWith('/api/'));
    assert.deepEqual(
      Object.keys(described.paths).sort(),
      routes.map(({ url }) => url.replaceAll(/:(\w+)/g, '{$1}')).sort(),
    );
  });

  it('names what a query may ask, the very words, and wants none of it', async () => {
    const { paths } = await document();
    const { parameters = [] } = paths['/api/cases']!.get!;
    const flag = parameters.find(({ name }) => name === 'flag');
    assert.match(JSON.stringify(flag), /"calcified","disagree","uncertain"/);
    assert.ok(parameters.length >= 8 && parameters.every(({ required }) => !required));
  });

  for (const [what, path, schema] of [
    ['the worklist', () => '/api/cases', CaseList],
    ['one case', () => `/api/cases/${shown.flagged.id}`, WholeCase],
    ['a case that has only come', () => `/api/cases/${shown.received.id}`, WholeCase],
    ['a case that is parked', () => `/api/cases/${shown.parked.id}`, WholeCase],
    ['whatever arrived', () => '/api/find?q=PHANTOM', FoundList],
    ['the trail', () => '/api/audit?limit=5', TrailPage],
  ] as const)
    it(`${what} is as it is described`, async () => {
      const answer = (schema as z.ZodType).safeParse(await (await get(path())).json());
      assert.ok(answer.success, answer.error?.message);
    });

  it('the trail is turned page by page, each row once', async () => {
    const seen: number[] = [];
    for (let next: number | null = 1 << 30; next !== null; ) {
      const answer = TrailPage.parse(
        await (await get(`/api/audit?subjectType=case&limit=7&before=${next}`)).json(),
      );
      seen.push(...answer.events.map(({ seq }) => seq));
      next = answer.next;
    }
    assert.ok(seen.length > 7);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => b - a),
    );
  });

  it('what goes wrong is a problem (RFC 9457), and still `error`', async () => {
    for (const [path, status] of [
      ['/api/cases?flag=wrong', 400],
      ['/api/cases/none', 404],
      ['/api/nothing', 404],
    ] as const) {
      const answer = await get(path);
      assert.match(answer.headers.get('content-type')!, /^application\/problem\+json/);
      const problem = Problem.parse(await answer.json());
      assert.deepEqual([problem.status, problem.error === problem.detail], [status, true]);
    }
  });
});
