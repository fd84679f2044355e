import fastifySwagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import { version } from '../../config/version.js';
import { Problem } from './schemas.js';

/** What a route says of itself: of its query and its JSON by the zod schemas, of files by their type. */
export interface Described {
  readonly summary: string;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  /** Absent: a file of type `gives`. */
  readonly answer?: z.ZodType;
  readonly gives?: string;
}

/** As a route's `schema`, for OpenAPI alone: handlers read queries themselves, by the same schemas. */
export function described({ summary, querystring, body, answer, gives }: Described): FastifySchema {
  const content = gives && { content: { [gives]: { schema: { type: 'string', format: 'binary' } } } };
  return {
    summary,
    ...(querystring && { querystring }),
    ...(body && { body }),
    response: { 200: answer ?? { description: summary, ...content } },
  } as FastifySchema;
}

/** OpenAPI 3.1 of what lies under /api, made of the routes and their schemas. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  app.setValidatorCompiler(() => (value) => ({ value }));
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Calcidisc',
        version,
        description:
          'Research software, not a medical device: the classifiers learnt from simulated calcification.',
      },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'calcidisc token add' } },
      },
      security: [{ token: [] }],
    },
    hideUntagged: false,
    transform: ({ schema, url }) => ({
      url,
      schema: url.startsWith('/api/') ? inJson(schema) : { hide: true },
    }),
  });
  app.get(
    '/api/openapi.json',
    { config: { wants: 'anyone' }, schema: { summary: 'This document', security: [] } },
    async () => app.swagger(),
  );
}

interface Written {
  readonly querystring?: unknown;
  readonly body?: unknown;
  readonly response?: Readonly<Record<string, unknown>>;
}

function inJson(schema: FastifySchema & { readonly response?: unknown } = {}): FastifySchema {
  const { querystring, body, response, ...rest } = schema as Written & Record<string, unknown>;
  const answers = Object.entries(response ?? {}).map(([status, each]) => [status, answerOf(each)]);
  return {
    ...rest,
    ...(querystring instanceof z.ZodType && { querystring: queryOf(querystring) }),
    ...(body instanceof z.ZodType && { body: queryOf(body) }),
    response: { ...Object.fromEntries(answers), default: PROBLEM },
  } as FastifySchema;
}

/** Whatever a query leaves out is left to us: nothing in one is required. */
function queryOf(schema: z.ZodType): object {
  const {
    required: _required,
    $schema: _draft,
    ...rest
  } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  return rest;
}

function answerOf(schema: unknown): unknown {
  if (!(schema instanceof z.ZodType)) return schema;
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  return { description: 'OK', content: { 'application/json': { schema: rest } } };
}

const PROBLEM = {
  description: 'What went wrong (RFC 9457)',
  content: { 'application/problem+json': { schema: z.toJSONSchema(Problem) } },
};
