import type { Config } from '../../config/schema.js';
import { type SopClassUse, sopClassOf } from '../dicom/sopClasses.js';
import type { RejectionName } from '../dicom/statuses.js';
import { isStorageClass } from '../dicom/storageClasses.js';
import { carriedSyntaxOf, TRANSFER_SYNTAXES, type TransferSyntax } from '../dicom/transferSyntaxes.js';
import { isInNetworks } from './networks.js';

/** Decisions only: what is answered, and exactly once, is the connection's affair. */
export type AssociationDecision =
  | { readonly accept: true }
  | { readonly accept: false; readonly rejection: RejectionName; readonly reason: string };

export interface AssociationRequest {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly remoteAddress: string;
  /** SHA-256 of the certificate it showed, lower-case hexadecimal; null without TLS or certificate. */
  readonly certificateSha256: string | null;
  /** Associations open now, this one not counted. */
  readonly openAssociations: number;
  /** Of those, under this calling AE title. */
  readonly openFromAe: number;
}

type DicomConfig = Config['dicom'];

export interface Policy {
  readonly dicom: DicomConfig;
  /** What a listener takes: an agent images, the demo's PACS reports too. */
  readonly uses: readonly SopClassUse[];
}

/** What an agent is asked to do as SCP; queries and reports are what it asks others. */
export const AGENT_USES: readonly SopClassUse[] = ['verification', 'image'];

type Remote = DicomConfig['remotes'][number];

export function decideAssociation(request: AssociationRequest, dicom: DicomConfig): AssociationDecision {
  const remote = remoteOf(request.callingAe, dicom);
  const stranger = strangerReason(request, remote, dicom);
  if (stranger !== null) return reject('callingAe', stranger);
  if (dicom.checkCalledAe && request.calledAe !== dicom.aeTitle) {
    return reject('calledAe', `called AE ${request.calledAe} is not ours (${dicom.aeTitle})`);
  }
  if (request.openAssociations >= dicom.maxAssociations) {
    return reject('localLimit', `${request.openAssociations} associations are open, and no more are allowed`);
  }
  if (request.openFromAe >= (remote?.maxAssociations ?? Number.POSITIVE_INFINITY)) {
    return reject('localLimit', `${request.callingAe} has ${request.openFromAe} associations, its maximum`);
  }
  return { accept: true };
}

/** Why a caller is not let in by who it is; null when it is. Every such reason is a security alert. */
function strangerReason(
  request: AssociationRequest,
  remote: Remote | null,
  dicom: DicomConfig,
): string | null {
  const { callingAe, remoteAddress, certificateSha256 } = request;
  if (remote === null) {
    const isListed = dicom.allowedCallingAEs.some((allowed) => allowed === '*' || allowed === callingAe);
    return isListed ? null : `calling AE ${callingAe} is not on the list`;
  }
  if (remote.networks.length > 0 && !isInNetworks(remoteAddress, remote.networks)) {
    return `calling AE ${callingAe} may not call from ${remoteAddress}`;
  }
  if (remote.certificates.length > 0 && !remote.certificates.includes(certificateSha256 ?? '')) {
    return `calling AE ${callingAe} did not show its certificate`;
  }
  return null;
}

export function remoteOf(callingAe: string, dicom: DicomConfig): Remote | null {
  return dicom.remotes.find((each) => each.aeTitle === callingAe) ?? null;
}

function reject(rejection: RejectionName, reason: string): AssociationDecision {
  return { accept: false, rejection, reason };
}

export type ContextDecision =
  | { readonly accept: true; readonly transferSyntaxUid: string; readonly role: Role }
  | { readonly accept: false; readonly why: 'abstractSyntax' | 'transferSyntaxes' };

/** What a SOP class is to us as SCP: spoken, stored to be read, or stored and kept unread. */
export type Role = 'service' | 'read' | 'unread';

export interface ProposedContext {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
}

/** Our own order decides (PS3.8 leaves the choice to the acceptor): the first we have that was offered. */
const PREFERENCE = Object.values(TRANSFER_SYNTAXES) as readonly TransferSyntax[];

/** @param callingAe whose rules apply beside the general ones */
export function decideContext(proposed: ProposedContext, callingAe: string, policy: Policy): ContextDecision {
  const remote = remoteOf(callingAe, policy.dicom);
  const role = roleOf(proposed.abstractSyntaxUid, remote, policy);
  if (role === null) return { accept: false, why: 'abstractSyntax' };
  const chosen = offered(proposed, role).find((syntax) =>
    maySend(syntax, role, remote, policy.dicom.acceptLossy),
  );
  return chosen
    ? { accept: true, transferSyntaxUid: chosen.uid, role }
    : { accept: false, why: 'transferSyntaxes' };
}

/** What was offered, in our order; of what is kept unread then every codec, in the sender's. */
function offered({ transferSyntaxUids }: ProposedContext, role: Role): readonly TransferSyntax[] {
  const ours = PREFERENCE.filter(({ uid }) => transferSyntaxUids.includes(uid));
  if (role !== 'unread') return ours;
  return [...ours, ...transferSyntaxUids.flatMap((uid) => carriedSyntaxOf(uid) ?? [])];
}

/** What a SOP class is to us, for this caller; null when we are no SCP of it. */
function roleOf(uid: string, remote: Remote | null, { dicom, uses }: Policy): Role | null {
  const use = sopClassOf(uid)?.use;
  if (use === 'verification' || use === 'commitment') return uses.includes(use) ? 'service' : null;
  const isRead = use !== undefined && uses.includes(use);
  if (!isRead && !(dicom.otherSopClasses === 'keep' && isStorageClass(uid))) return null;
  const isListed = remote === null || remote.sopClasses.length === 0 || remote.sopClasses.includes(uid);
  if (!isListed) return null;
  return isRead ? 'read' : 'unread';
}

function maySend(syntax: TransferSyntax, role: Role, remote: Remote | null, acceptLossy: boolean): boolean {
  if (role === 'service') return !syntax.isEncapsulated && !syntax.isDeflated;
  const isListed = remote === null || remote.transferSyntaxes.length === 0;
  const isTaken = !syntax.isLossy || acceptLossy || role === 'unread';
  return (isListed || remote.transferSyntaxes.includes(syntax.uid)) && isTaken;
}
