import { createServer } from 'node:net';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

interface Address {
  readonly host: string;
  readonly port: number;
}

export const LISTENERS = {
  dicom: {
    name: 'DICOM listener',
    setting: 'dicom.host, dicom.port, CALCIDISC_DICOM_HOST, CALCIDISC_DICOM_PORT',
  },
  http: { name: 'page', setting: 'http.host, http.port, CALCIDISC_HTTP_HOST, CALCIDISC_HTTP_PORT' },
  agents: { name: 'listener for other agents', setting: 'agents.host, agents.port' },
  hl7: { name: 'HL7 listener', setting: 'hear.hl7.host, hear.hl7.port' },
} as const;

export type Listener = keyof typeof LISTENERS;

/** The operating system's codes for an address that cannot be listened on, in words. */
const PROBLEMS: Readonly<Record<string, readonly [detail: string, advice: string]>> = {
  EADDRINUSE: [
    'the port is taken',
    'is Calcidisc running here already? Else choose another port, or end the program that holds it',
  ],
  EACCES: [
    'this account may not listen on that port',
    'choose one above 1023, or give node the right (CAP_NET_BIND_SERVICE)',
  ],
  EADDRNOTAVAIL: ['that is no address of this machine', 'choose one of its own, 0.0.0.0 for all of them'],
  ENOTFOUND: [
    'that host name is not known',
    'choose an address of this machine, or a name that leads to one',
  ],
  EAI_AGAIN: ['that host name cannot be looked up now', 'choose an address of this machine'],
};

export const LISTEN_CODES: ReadonlySet<string> = new Set(Object.keys(PROBLEMS));

/** @returns the error's code, or null when it could be listened on: tried, and let go of at once */
export function cannotListen({ host, port }: Address): Promise<string | null> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => done(null)));
  });
}

/** Why one of our listeners has no port of its own. */
export function listenFinding(listener: Listener, { host, port }: Address, code: string): Finding {
  const { name, setting } = LISTENERS[listener];
  const [detail, advice] = PROBLEMS[code] ?? [`it cannot be listened on: ${code}`, 'choose another address'];
  return { what: `${name} ${host}:${port}`, verdict: 'failed', detail, setting, advice };
}

type PortConfig = Pick<Config, 'agents' | 'dicom' | 'hear' | 'http'>;

/** The listeners that these settings ask for, and where. */
function listenersOf({ agents, dicom, hear, http }: PortConfig): readonly (readonly [Listener, Address])[] {
  return [
    ['dicom', dicom],
    ['http', http],
    ...(agents.secretFile === undefined ? [] : ([['agents', agents]] as const)),
    ...(hear.hl7 ? ([['hl7', hear.hl7]] as const) : []),
  ];
}

/** Every listener tried, before anything else is opened: two processes on one port would be two on one spool. */
export async function checkPorts(config: PortConfig): Promise<Finding[]> {
  const findings: Finding[] = [];
  const listeners = listenersOf(config);
  for (const [i, [listener, address]] of listeners.entries()) {
    const same = listeners.slice(0, i).find(([, other]) => other.port !== 0 && other.port === address.port);
    const code = await cannotListen(address);
    if (same) findings.push(samePort(listener, address, same[0]));
    else if (code !== null) findings.push(listenFinding(listener, address, code));
  }
  return findings;
}

/** Two of ours: each would find the port free, and only the first get it. */
function samePort(listener: Listener, { host, port }: Address, other: Listener): Finding {
  return {
    what: `${LISTENERS[listener].name} ${host}:${port}`,
    verdict: 'failed',
    detail: `the ${LISTENERS[other].name} has that port`,
    setting: `${LISTENERS[listener].setting}; ${LISTENERS[other].setting}`,
    advice: 'give each a port of its own',
  };
}
