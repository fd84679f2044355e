import type { Config } from '../../config/schema.js';
import { type SopClassUse, sopClassOf } from '../dicom/sopClasses.js';
import type { RejectionName } from '../dicom/statuses.js';
import { TRANSFER_SYNTAXES, transferSyntaxOf } from '../dicom/transferSyntaxes.js';

/** Decisions only: what is answered, and exactly once, is the connection's affair. */
export type AssociationDecision =
  | { readonly accept: true }
  | { readonly accept: false; readonly rejection: RejectionName; readonly reason: string };

export interface AssociationRequest {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly remoteAddress: string;
  /** Associations open now, this one not counted. */
  readonly openAssociations: number;
}

type DicomConfig = Config['dicom'];

export function decideAssociation(request: AssociationRequest, dicom: DicomConfig): AssociationDecision {
  if (!mayCall(request.callingAe, dicom)) {
    return reject('callingAe', `calling AE ${request.callingAe} is not on the list`);
  }
  if (dicom.checkCalledAe && request.calledAe !== dicom.aeTitle) {
    return reject('calledAe', `called AE ${request.calledAe} is not ours (${dicom.aeTitle})`);
  }
  if (request.openAssociations >= dicom.maxAssociations) {
    return reject('localLimit', `${request.openAssociations} associations are open, and no more are allowed`);
  }
  return { accept: true };
}

function mayCall(callingAe: string, dicom: DicomConfig): boolean {
  return dicom.allowedCallingAEs.some((allowed) => allowed === '*' || allowed === callingAe);
}

function reject(rejection: RejectionName, reason: string): AssociationDecision {
  return { accept: false, rejection, reason };
}

export type ContextDecision =
  | { readonly accept: true; readonly transferSyntaxUid: string }
  | { readonly accept: false; readonly why: 'abstractSyntax' | 'transferSyntaxes' };

export interface ProposedContext {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
}

/** What we are asked to do as SCP; queries and reports are what we ask others. */
export const ACCEPTED_USES: readonly SopClassUse[] = ['verification', 'image'];

/** Our own order decides (PS3.8 leaves the choice to the acceptor), the first we have that was offered. */
const PREFERENCE = Object.values(TRANSFER_SYNTAXES);

export function decideContext(
  proposed: ProposedContext,
  dicom: DicomConfig,
  uses: readonly SopClassUse[] = ACCEPTED_USES,
): ContextDecision {
  const sopClass = sopClassOf(proposed.abstractSyntaxUid);
  if (sopClass === null || !uses.includes(sopClass.use)) return { accept: false, why: 'abstractSyntax' };
  const chosen = PREFERENCE.find(
    (syntax) => proposed.transferSyntaxUids.includes(syntax.uid) && maySend(syntax.uid, sopClass.use, dicom),
  );
  return chosen
    ? { accept: true, transferSyntaxUid: chosen.uid }
    : { accept: false, why: 'transferSyntaxes' };
}

function maySend(uid: string, use: SopClassUse, dicom: DicomConfig): boolean {
  const syntax = transferSyntaxOf(uid);
  if (syntax === null) return false;
  if (use !== 'image') return !syntax.isEncapsulated && !syntax.isDeflated;
  return !syntax.isLossy || dicom.acceptLossy;
}
