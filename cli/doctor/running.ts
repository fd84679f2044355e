import { echo } from '../../agent/deliver/scu.js';
import { asCalcidiscError } from '../../agent/domain/errors.js';
import { CONDITIONS, type Condition } from '../../agent/expose/conditions.js';
import { decideAssociation } from '../../agent/receive/policy.js';
import type { Config } from '../../config/schema.js';
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

/** Both ports: free, ours, or somebody else's; and of a service that runs what it says of itself (/readyz). */
export async function checkListeners(config: Config): Promise<Finding[]> {
  const { dicom, http } = config;
  const running = http.port === 0 ? null : await askPage(http);
  return [
    await checkListener(dicom, running),
    await checkPage(http, running),
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
  const what = `${LISTENERS.http.name} http://${http.host}:${http.port}`;
  const code = await cannotListen(http);
  if (code !== null && code !== 'EADDRINUSE') return listenFinding('http', http, code);
  if (code !== null && !running)
    return { ...listenFinding('http', http, code), detail: 'the port is held by another program' };
  const detail = running ? `running: Calcidisc ${running.version}` : 'the port is free: not running';
  const isOpen = !['127.0.0.1', '::1', 'localhost'].includes(http.host);
  if (!isOpen) return { what, verdict: 'ok', detail };
  return {
    what,
    verdict: 'warning',
    detail: `${detail}; open to the network, and it has no log-in: whoever reaches it reads patients' names`,
    setting: LISTENERS.http.setting,
    advice: 'set http.host to 127.0.0.1, or let only a proxy that authenticates reach it',
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
async function askPage({ host, port }: Config['http']): Promise<RunningCalcidisc | null> {
  const at = `http://${ANYWHERE[host] ?? host}:${port}`;
  const get = async (path: string) =>
    (await fetch(`${at}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) })).json() as Promise<
      Record<string, unknown>
    >;
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
