import { COMMITMENT_ACTION, parseCommitmentRequest } from '../dicom/commitment.js';
import type { NActionRequest } from '../dicom/dimse/library.js';
import { STORAGE_COMMITMENT_INSTANCE } from '../dicom/sopClasses.js';
import type { StatusName } from '../dicom/statuses.js';
import type { CommitmentFiles } from './commitmentFiles.js';
import type { AssociationInfo, ReceiveEvents } from './types.js';

/**
 * Answers N-ACTION of the Storage Commitment Push Model: Success only once the request is on disk, so that the
 * result will come whatever happens to this process. Never rejects.
 */
export async function takeCommitmentRequest(
  request: NActionRequest,
  association: AssociationInfo,
  files: CommitmentFiles,
  events: ReceiveEvents,
): Promise<StatusName> {
  if (request.getRequestedSopInstanceUid() !== STORAGE_COMMITMENT_INSTANCE) return 'noSuchSopInstance';
  if (request.getActionTypeId() !== COMMITMENT_ACTION) return 'noSuchActionType';
  try {
    const owed = {
      ...parseCommitmentRequest(request.getDataset()?.getElements() ?? {}),
      callingAe: association.callingAe,
      remoteAddress: association.remoteAddress,
      associationId: association.id,
      requestedAt: new Date().toISOString(),
    };
    await files.save(owed);
    events.commitmentRequested?.(owed);
    return 'success';
  } catch (error) {
    return error instanceof RangeError ? 'invalidArgument' : 'processingFailure';
  }
}
