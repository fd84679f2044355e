import { echo } from '../../agent/deliver/scu.js';
import { offersCommitment } from '../../agent/dicom/dimse/commitment.js';
import { peerOf } from '../../agent/dicom/dimse/peer.js';
import { asCalcidiscError, type CalcidiscError } from '../../agent/domain/errors.js';
import { qidoFinder } from '../../agent/query/dicomWeb.js';
import { type DimseDestination, dimseDestinations } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

const ECHO_TIMEOUT_MS = 5_000;
/** Before there was DICOM. */
const LONG_AGO = '1970-01-01';

type Source = Config['query']['sources'][number];
type DimseSource = Extract<Source, { channel: 'dimse' }>;
type DicomWebSource = Extract<Source, { channel: 'dicomweb' }>;

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
    ...config.query.sources.map((each) =>
      each.channel === 'dimse' ? checkPeer(SOURCE, each, config) : checkDicomWeb(each),
    ),
  ];
}

async function checkPeer(
  kind: Kind,
  asked: DimseSource | DimseDestination,
  { dicom }: Config,
): Promise<Finding> {
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

/** A search for studies of a day that has none, as far as anybody knows: whether it is there, and takes us. */
async function checkDicomWeb(source: DicomWebSource): Promise<Finding> {
  const about = { what: `${SOURCE.name} ${source.name}`, setting: SOURCE.setting };
  const startedAt = Date.now();
  try {
    const question = { patientId: '', modality: 'CT', from: LONG_AGO, to: LONG_AGO };
    await qidoFinder(source, ECHO_TIMEOUT_MS).findStudies(question);
    const detail = `${source.url} answers QIDO-RS in ${Date.now() - startedAt} ms`;
    return { ...about, verdict: 'ok', detail };
  } catch (thrown) {
    const { message, code } = asCalcidiscError(thrown);
    const advice =
      code === 'DESTINATION_UNREACHABLE'
        ? 'is it running, is url right, is a firewall between, does caFile vouch for its certificate?'
        : 'url is the root of its DICOMweb service, auth an account that may search and retrieve there';
    return { ...about, verdict: 'failed', detail: message, advice };
  }
}

/** By what the peer said; the first that fits. */
function adviceFor(
  error: CalcidiscError,
  { aeTitle, tls }: DimseDestination | DimseSource,
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
