import {
  COMMITMENT_ACTION,
  COMMITMENT_EVENTS,
  type CommitmentRequest,
  type CommitmentResult,
  commitmentRequestElements,
  commitmentResultElements,
} from '../commitment.js';
import { CalcidiscError } from '../errors.js';
import { SOP_CLASSES, STORAGE_COMMITMENT_INSTANCE } from '../sopClasses.js';
import { remedyOf, statusText } from '../statuses.js';
import { TRANSFER_SYNTAXES } from '../transferSyntaxes.js';
import { type CommandRequest, Dataset, NActionRequest, NEventReportRequest } from './library.js';
import { type OfferedContext, openAssociation, type Peer } from './outgoing.js';

export const { uid: COMMITMENT } = SOP_CLASSES.storageCommitmentPushModel;
const { uid: IMPLICIT } = TRANSFER_SYNTAXES.implicitVrLittleEndian;

/**
 * N-ACTION: asks a PACS to keep objects safe (PS3.4 J.3.2). The answer comes later, to our own listener, and may
 * come before this resolves: write the transaction down first.
 * @throws CalcidiscError DESTINATION_*
 */
export function requestCommitment(peer: Peer, request: CommitmentRequest): Promise<void> {
  const action = new NActionRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, COMMITMENT_ACTION);
  action.setDataset(new Dataset({ ...commitmentRequestElements(request) }, IMPLICIT));
  return perform(peer, action, {});
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

async function perform(
  peer: Peer,
  request: CommandRequest,
  how: Pick<OfferedContext, 'role'>,
): Promise<void> {
  const context = { abstractSyntaxUid: COMMITMENT, transferSyntaxUids: [IMPLICIT], ...how };
  const association = await openAssociation({ ...peer, contexts: [context] });
  try {
    if (association.contextFor(COMMITMENT) === null) {
      throw new CalcidiscError('DESTINATION_REFUSED', `${peer.calledAe} does no storage commitment`);
    }
    const status = (await association.perform(request)).getStatus();
    const remedy = remedyOf(status);
    if (remedy === 'none') return;
    const code = remedy === 'retry' ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED';
    throw new CalcidiscError(code, `${peer.calledAe} answered ${statusText(status)} to storage commitment`);
  } finally {
    await association.release();
  }
}
