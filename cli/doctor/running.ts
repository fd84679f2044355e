import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { json } from 'node:stream/consumers';
import { echo } from '../../agent/deliver/scu.js';
import { asCalcidiscError } from '../../agent/domain/errors.js';
import { CONDITIONS, type Condition } from '../../agent/expose/conditions.js';
import { decideAssociation } from '../../agent/receive/policy.js';
import type { Config } from '../../config/schema.js';
import { accessOf, LOOPBACK } from '../../config/values.js';
import type { Finding } from './finding.js';
import { cannotListen, LISTENERS, listenFinding } from './ports.js';

const ANSWER_MS = 5_000;
const ANYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** A Calcidisc that answers on the page's port. */
interface RunningCalcidisc {
  readonly version: string;
  readonly dicomPort: number | null;
  readonly conditions: readonly Condition[];
}

/** Each port: free, ours, or somebody else's; and of a service that runs what it says of itself (/readyz). */
export async function checkListeners(config: Config): Promise<Finding[]> {
  const { dicom, hear, http } = config;
  const running = http.port === 0 ? null : await askPage(http);
  return [
    await checkListener(dicom, running),
    await checkPage(http, running),
    ...(hear.hl7 ? [await checkHl7(hear.hl7, running)] : []),
    ...(running ? running.conditions.map(conditionFinding) : []),
  ];
}

async function checkListener(dicom: Config['dicom'], running: RunningCalcidisc | null): Promise<Finding> {
  const what = `${LISTENERS.dicom.name} ${dicom.host}:${dicom.port}`;
  const code = await cannotListen(dicom);
  if (code === null) return notRunning(what, running);
  if (code !== 'EADDRINUSE') return listenFinding('dicom', dicom, code);
  const isOurs = running?.dicomPort === dicom.port;
  // A call that the allow list turns away is a security alert on the trail: we do not make one of ourselves.
  if (dicom.tls || !isLetIn(dicom))
    return isOurs
      ? { what, verdict: 'ok', detail: 'running; not asked by C-ECHO: it does not let its own title in' }
      : takenBySomebody(what, 'it is not said who holds it, and our own title may not ask');
  return ask(what, dicom);
}

async function ask(what: string, { aeTitle, host, port }: Config['dicom']): Promise<Finding> {
  const us = {
    host: ANYWHERE[host]?.replace(/[[\]]/g, '') ?? host,
    port,
    calledAe: aeTitle,
    callingAe: aeTitle,
  };
  try {
    await echo({ ...us, answerTimeoutMs: ANSWER_MS });
    return { what, verdict: 'ok', detail: `running: ${aeTitle} answers C-ECHO` };
  } catch (thrown) {
    return takenBySomebody(what, asCalcidiscError(thrown).message);
  }
}

async function checkPage(http: Config['http'], running: RunningCalcidisc | null): Promise<Finding> {
  const what = `${LISTENERS.http.name} ${http.tls ? 'https' : 'http'}://${http.host}:${http.port}`;
  const code = await cannotListen(http);
  if (code !== null && code !== 'EADDRINUSE') return listenFinding('http', http, code);
  if (code !== null && !running)
    return { ...listenFinding('http', http, code), detail: 'the port is held by another program' };
  const detail = running ? `running: Calcidisc ${running.version}` : 'the port is free: not running';
  const weak = weakness(http);
  return weak
    ? { what, verdict: 'warning', ...weak, detail: `${detail}; ${weak.detail}` }
    : { what, verdict: 'ok', detail };
}

/** MLLP has no question that is no message: who holds the port is told by what else runs here. */
async function checkHl7(
  { host, port }: NonNullable<Config['hear']['hl7']>,
  running: RunningCalcidisc | null,
): Promise<Finding> {
  const { name, setting } = LISTENERS.hl7;
  const what = `${name} ${host}:${port}`;
  const code = await cannotListen({ host, port });
  if (code === 'EADDRINUSE' && running) return { what, verdict: 'ok', detail: 'running' };
  if (code !== null) return listenFinding('hl7', { host, port }, code);
  if (!running) return { what, verdict: 'ok', detail: 'the port is free: not running' };
  const detail = 'free, though Calcidisc runs here: it takes no written reports';
  return { what, verdict: 'failed', detail, setting, advice: 'start it again with this configuration' };
}

/** What a person should know of who can look, and how; null: everybody logs in, and nobody listens on the way. */
function weakness(
  http: Config['http'],
): (Pick<Finding, 'setting' | 'advice'> & { readonly detail: string }) | null {
  const isLocal = LOOPBACK.includes(http.host);
  if (accessOf(http) === 'loopback-open')
    return {
      detail: 'open to whoever uses this machine until there is an account',
      setting: 'http.access',
      advice: 'make the first account (calcidisc user link), or set http.access to "required"',
    };
  if (isLocal || http.tls || http.trustedProxies.length > 0) return null;
  return {
    detail: 'open to the network, and passwords and patients cross it in clear',
    setting: 'http.tls, http.trustedProxies',
    advice: 'set http.tls, or let only a proxy that speaks HTTPS reach it and name it in http.trustedProxies',
  };
}

function conditionFinding({ what, ok, reason }: Condition): Finding {
  if (ok) return { what: `running service: ${what}`, verdict: 'ok', detail: 'well' };
  return {
    what: `running service: ${what}`,
    verdict: 'failed',
    detail: `${CONDITIONS[what]}: ${reason}`,
    advice: 'docs/deploy.md, "When something is stuck"',
  };
}

function isLetIn(dicom: Config['dicom']): boolean {
  return decideAssociation(
    {
      callingAe: dicom.aeTitle,
      calledAe: dicom.aeTitle,
      remoteAddress: '127.0.0.1',
      certificateSha256: null,
      openAssociations: 0,
      openFromAe: 0,
    },
    dicom,
  ).accept;
}

function notRunning(what: string, running: RunningCalcidisc | null): Finding {
  const detail = running
    ? `free, though Calcidisc runs here: that one listens on port ${running.dicomPort}`
    : 'the port is free: not running';
  return { what, verdict: 'ok', detail };
}

function takenBySomebody(what: string, why: string): Finding {
  return {
    what,
    verdict: 'failed',
    detail: `taken by something else: ${why}`,
    setting: LISTENERS.dicom.setting,
    advice: 'choose another port, or end the program that holds it',
  };
}

/** @returns null when nothing of ours answers there */
async function askPage({ host, port, tls }: Config['http']): Promise<RunningCalcidisc | null> {
  const at = `${tls ? 'https' : 'http'}://${ANYWHERE[host] ?? host}:${port}`;
  const get = (path: string) => getJson(`${at}${path}`);
  try {
    const alive = await get('/healthz');
    if (alive.program !== 'calcidisc') return null;
    const { conditions } = await get('/readyz');
    return {
      ...(alive as Pick<RunningCalcidisc, 'version' | 'dicomPort'>),
      conditions: conditions as Condition[],
    };
  } catch {
    return null;
  }
}

/** By HTTPS whatever name the certificate has: it is this machine's own page, by its address. */
function getJson(url: string): Promise<Record<string, unknown>> {
  return new Promise((done, failed) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const asked = url.startsWith('https:')
      ? httpsRequest(url, { signal, rejectUnauthorized: false })
      : httpRequest(url, { signal });
    asked.on('response', (answer) =>
      json(answer).then((value) => done(value as Record<string, unknown>), failed),
    );
    asked.on('error', failed);
    asked.end();
  });
}
