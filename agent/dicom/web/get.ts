import { readFile } from 'node:fs/promises';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as requestSecurely, Agent as SecureAgent } from 'node:https';
import { authorization, type HttpCall, type HttpServer, unreachable } from './client.js';

/** An answer whose body is read as it comes: a whole series may be in it. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/**
 * Asks once, follows no redirection. By Node's own client: undici 7 ends the process where a server closes a connection
 * whose body is read more slowly than it comes (nodejs/undici#5360), and its version 8 wants a newer Node.
 * @throws CalcidiscError DESTINATION_UNREACHABLE when there is no answer, or a file that is needed cannot be read
 */
export async function get(
  server: HttpServer,
  { path, headers, signal }: Pick<HttpCall, 'path' | 'headers' | 'signal'>,
): Promise<Answer> {
  const { url, timeoutMs } = server;
  try {
    const to = new URL(`${url.replace(/\/+$/, '')}${path}`);
    const options = {
      headers: { ...headers, ...(await authorization(server)) },
      agent: await agentOf(server, to.protocol === 'https:'),
      timeout: timeoutMs,
      ...(signal ? { signal } : {}),
    };
    return await new Promise((done, failed) => {
      const asked = to.protocol === 'https:' ? requestSecurely(to, options) : request(to, options);
      asked.once('error', failed);
      asked.once('timeout', () => asked.destroy(new Error(`nothing for ${timeoutMs} ms`)));
      asked.once('response', (body) =>
        done({ statusCode: body.statusCode ?? 0, headers: body.headers, body }),
      );
      asked.end();
    });
  } catch (thrown) {
    throw unreachable(server, thrown);
  }
}

/** Reads what is left of an answer and forgets it, so that its connection serves again. */
export async function forget({ body }: Answer): Promise<void> {
  for await (const _ of body);
}

/** Connections are kept and used again, for each authority. */
const agents = new Map<string, Agent>();

async function agentOf({ caFile }: HttpServer, isSecure: boolean): Promise<Agent> {
  const ca = caFile && isSecure ? await readFile(caFile, 'utf8') : '';
  const key = `${isSecure} ${ca}`;
  const known = agents.get(key);
  if (known) return known;
  const settings = { keepAlive: true, maxSockets: 4 };
  const agent = isSecure ? new SecureAgent({ ...settings, ...(ca ? { ca } : {}) }) : new Agent(settings);
  agents.set(key, agent);
  return agent;
}
