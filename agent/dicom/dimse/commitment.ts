import { setTimeout as sleep } from 'node:timers/promises';
import { CalcidiscError } from '../../domain/errors.js';
import {
  COMMITMENT_ACTION,
  COMMITMENT_EVENTS,
  type CommitmentRequest,
  type CommitmentResult,
  commitmentRequestElements,
  commitmentResultElements,
  parseCommitmentResult,
} from '../commitment.js';
import { SOP_CLASSES, STORAGE_COMMITMENT_INSTANCE } from '../sopClasses.js';
import { remedyOf, type StatusName, statusText } from '../statuses.js';
import { TRANSFER_SYNTAXES } from '../transferSyntaxes.js';
import { type CommandRequest, Dataset, NActionRequest, NEventReportRequest } from './library.js';
import {
  type OfferedContext,
  type OutgoingAssociation,
  type OutgoingOptions,
  openAssociation,
  type Peer,
} from './outgoing.js';

export const { uid: COMMITMENT } = SOP_CLASSES.storageCommitmentPushModel;
const { uid: IMPLICIT } = TRANSFER_SYNTAXES.implicitVrLittleEndian;

/** An association stays open for so long after its request, for a PACS that reports on the same one. */
const STAY_MS = 2_000;

/**
 * N-ACTION: asks a PACS to keep objects safe (PS3.4 J.3.2). The result comes later, to our own listener or, for a
 * short while, on this association; it may come before this resolves: write the transaction down first.
 * @param onResult a result that came on this association
 * @throws CalcidiscError DESTINATION_*
 */
export function requestCommitment(
  peer: CallOptions,
  request: CommitmentRequest,
  onResult?: (result: CommitmentResult) => void,
): Promise<void> {
  const action = new NActionRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, COMMITMENT_ACTION);
  action.setDataset(new Dataset({ ...commitmentRequestElements(request) }, IMPLICIT));
  if (!onResult) return perform(peer, action, {});
  let hasResult = () => {};
  const result = new Promise<void>((resolve) => {
    hasResult = resolve;
  });
  const onEventReport = (report: NEventReportRequest): StatusName => {
    const status = takeReport(report, onResult);
    if (status === 'success') hasResult();
    return status;
  };
  return perform({ ...peer, onEventReport }, action, {}, (association) =>
    Promise.race([result, association.closed, sleep(STAY_MS, undefined, { ref: false })]),
  );
}

/** Takes a peer's N-EVENT-REPORT, whichever association it comes on. @returns what to answer */
export function takeReport(
  report: NEventReportRequest,
  onResult: (result: CommitmentResult) => void,
): StatusName {
  try {
    onResult(parseCommitmentResult(report.getDataset()?.getElements() ?? {}));
    return 'success';
  } catch {
    return 'invalidArgument';
  }
}

/**
 * N-EVENT-REPORT on an association of our own (PS3.4 J.3.3), on which we are SCP: role selection says so.
 * @throws CalcidiscError DESTINATION_*
 */
export function sendCommitmentResult(peer: Peer, result: CommitmentResult): Promise<void> {
  return perform(peer, commitmentReport(result), { role: 'scp' });
}

/** @param transferSyntaxUid of the accepted presentation context */
export function commitmentReport(
  result: CommitmentResult,
  transferSyntaxUid: string = IMPLICIT,
): NEventReportRequest {
  const event = result.failed.length > 0 ? COMMITMENT_EVENTS.failuresExist : COMMITMENT_EVENTS.complete;
  const report = new NEventReportRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, event);
  report.setDataset(new Dataset({ ...commitmentResultElements(result) }, transferSyntaxUid));
  return report;
}

/**
 * Whether a peer would take our requests.
 * @throws CalcidiscError DESTINATION_*
 */
export async function offersCommitment(peer: CallOptions): Promise<boolean> {
  const association = await openAssociation({ ...peer, contexts: [REQUESTED] });
  const isOffered = association.contextFor(COMMITMENT) !== null;
  await association.release();
  return isOffered;
}

const REQUESTED: OfferedContext = { abstractSyntaxUid: COMMITMENT, transferSyntaxUids: [IMPLICIT] };

type CallOptions = Peer & Pick<OutgoingOptions, 'signal' | 'answerTimeoutMs' | 'onEventReport'>;

async function perform(
  peer: CallOptions,
  request: CommandRequest,
  how: Pick<OfferedContext, 'role'>,
  stay?: (association: OutgoingAssociation) => Promise<unknown>,
): Promise<void> {
  const association = await openAssociation({ ...peer, contexts: [{ ...REQUESTED, ...how }] });
  try {
    if (association.contextFor(COMMITMENT) === null) {
      throw new CalcidiscError('DESTINATION_REFUSED', `${peer.calledAe} does no storage commitment`);
    }
    const status = (await association.perform(request)).getStatus();
    const remedy = remedyOf(status);
    if (remedy === 'none') return void (await stay?.(association));
    const code = remedy === 'retry' ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
    throw new CalcidiscError(code, `${peer.calledAe} answered ${statusText(status)} to storage commitment`);
  } finally {
    await association.release();
  }
}
