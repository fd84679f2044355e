import { access, constants } from 'node:fs/promises';
import { connect } from 'node:net';
import { templateOf } from '../../agent/deliver/channels/hl7.js';
import { type Destination, isDimse } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

const CONNECT_MS = 5_000;
const SETTING = 'route.destinations';

/** Destinations that speak no DIMSE: their files can be read, and somebody listens where they are. Sends nothing. */
export function checkChannels({ route }: Pick<Config, 'route'>): Promise<Finding>[] {
  return route.destinations.filter((each) => !isDimse(each)).map(checkChannel);
}

/** The sites' own messages, which a start reads too: a place that is wrong is said with line and column. */
export async function checkTemplates({ route }: Pick<Config, 'route'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const each of route.destinations) {
    if (each.channel !== 'hl7') continue;
    const problem = await templateOf(each).then(
      () => null,
      (error: Error) => error.message,
    );
    if (problem === null) continue;
    const advice = 'docs/results.md says what a template may name';
    findings.push({ ...aboutOf(each), verdict: 'failed', detail: problem, advice });
  }
  return findings;
}

function aboutOf({ name }: Destination) {
  return { what: `destination ${name}`, setting: SETTING };
}

async function checkChannel(destination: Destination): Promise<Finding> {
  const about = aboutOf(destination);
  try {
    for (const file of filesOf(destination)) await access(file, constants.R_OK);
  } catch (error) {
    const advice = 'docs/results.md says what each file is for';
    return { ...about, verdict: 'failed', detail: (error as Error).message, advice };
  }
  const { host, port } = placeOf(destination);
  const why = await unreachable(host, port);
  if (why === null)
    return { ...about, verdict: 'ok', detail: `${destination.channel}: ${host}:${port} takes connections` };
  const advice = 'is it running, is its address right, is a firewall between?';
  return { ...about, verdict: 'failed', detail: `${destination.channel}: ${host}:${port}: ${why}`, advice };
}

function filesOf(destination: Destination): string[] {
  const auth = 'auth' in destination ? destination.auth : undefined;
  return [
    'caFile' in destination ? destination.caFile : undefined,
    'secretFile' in destination ? destination.secretFile : undefined,
    'passwordFile' in destination ? destination.passwordFile : undefined,
    auth?.type === 'basic' ? auth.passwordFile : auth?.tokenFile,
  ].flatMap((file) => file ?? []);
}

function placeOf(destination: Destination): { readonly host: string; readonly port: number } {
  if (!('url' in destination)) return destination;
  const { hostname, port, protocol } = new URL(destination.url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) };
}

function unreachable(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (why: string | null) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end(`no answer for ${CONNECT_MS} ms`));
    socket.once('error', (error) => end(error.message));
  });
}
