import { echo } from '../../agent/deliver/scu.js';
import { offersCommitment } from '../../agent/dicom/dimse/commitment.js';
import { peerOf } from '../../agent/dicom/dimse/peer.js';
import { asCalcidiscError, type CalcidiscError } from '../../agent/domain/errors.js';
import { type DimseDestination, dimseDestinations } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

const ECHO_TIMEOUT_MS = 5_000;

type Source = Config['query']['sources'][number];

interface Kind {
  readonly name: string;
  readonly setting: string;
}

const DESTINATION: Kind = { name: 'destination', setting: 'route.destinations' };
const SOURCE: Kind = { name: 'query source', setting: 'query.sources' };

const NO_DESTINATION: Finding = {
  what: 'destinations',
  verdict: 'warning',
  detail: 'none is configured: reports are kept, not sent',
  setting: DESTINATION.setting,
  advice: 'name your PACS under route.destinations (config/example.json)',
};

/** Everybody we call, each asked by C-ECHO. */
export function checkPeers(config: Config): Promise<Finding>[] {
  const { destinations } = config.route;
  return [
    ...dimseDestinations(config.route).map((each) => checkPeer(DESTINATION, each, config)),
    ...(destinations.length > 0 ? [] : [Promise.resolve(NO_DESTINATION)]),
    ...config.query.sources.map((each) => checkPeer(SOURCE, each, config)),
  ];
}

async function checkPeer(kind: Kind, asked: Source | DimseDestination, { dicom }: Config): Promise<Finding> {
  const { name, host, port, aeTitle } = asked;
  const about = { what: `${kind.name} ${name}`, setting: kind.setting };
  const peer = { ...peerOf(asked, { dicom }), answerTimeoutMs: ECHO_TIMEOUT_MS };
  try {
    const { elapsedMs } = await echo(peer);
    const detail = `${aeTitle} at ${host}:${port} answers in ${Math.round(elapsedMs)} ms`;
    if (!('commitment' in asked && asked.commitment)) return { ...about, verdict: 'ok', detail };
    if (await offersCommitment(peer))
      return { ...about, verdict: 'ok', detail: `${detail}, and offers storage commitment` };
    const advice = 'switch commitment off for this destination, or on in the PACS';
    return { ...about, verdict: 'failed', detail: `${detail}, but offers no storage commitment`, advice };
  } catch (thrown) {
    const error = asCalcidiscError(thrown);
    return { ...about, verdict: 'failed', detail: error.message, advice: adviceFor(error, asked, dicom) };
  }
}

/** By what the peer said; the first that fits. */
function adviceFor(
  error: CalcidiscError,
  { aeTitle, tls }: DimseDestination | Source,
  dicom: Config['dicom'],
): string {
  const said = error.message;
  if (/called AE title/.test(said)) return `it does not go by ${aeTitle}: set aeTitle to its own AE title`;
  if (/calling AE title/.test(said))
    return `it has to know us: enter ${dicom.aeTitle} there as an AE title that may call`;
  if (/no DICOM: TLS/.test(said)) return 'it speaks TLS: set tls to true';
  if (/no DICOM/.test(said)) return 'that is not its DICOM port: set port';
  if (tls && /closed|wrong version|packet length|EPROTO|ECONNRESET/i.test(said))
    return 'does it speak TLS on that port? Else set tls to false';
  if (/certificate|CERT_|ALTNAME/i.test(said))
    return 'its certificate is not one that dicom.tls.caFile vouches for, or names another host';
  if (error.code === 'DESTINATION_REFUSED')
    return `it answers and refuses: ask its administrator what ${dicom.aeTitle} may do there`;
  if (error.code === 'DESTINATION_BUSY') return 'it is busy: try again later';
  return 'is it running, is host and port right, is a firewall between?';
}
