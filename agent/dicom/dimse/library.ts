/**
 * The one door to dcmjs-dimse: its classes with what has to be set once, and mended. Nobody else imports it.
 */
import { createRequire } from 'node:module';
import type dcmjs from 'dcmjs';
import dimse from 'dcmjs-dimse';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../implementation.js';

// It logs every presentation context, with names of patients in queries; its errors reach us as events.
dimse.log.setLevel('silent');
// dcmjs prints a stack for each data set it cannot read, and a peer may send as many as it likes.
// The library has a copy of its own (the CommonJS one).
(createRequire(import.meta.url)('dcmjs') as typeof dcmjs).log.setLevel('silent');
dimse.Implementation.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
dimse.Implementation.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);
// `sendAssociationAccept` answers with the smaller of this and the peer's: ours is set per connection.
dimse.Implementation.setMaxPduLength(0xffff_ffff);
keepOfferedContextIds();

export const { Dataset } = dimse;
export const { Association, PresentationContext } = dimse.association;
export const { PresentationContextResult } = dimse.constants;
export const {
  CEchoRequest,
  CFindRequest,
  CGetRequest,
  CMoveRequest,
  CStoreRequest,
  NActionRequest,
  NEventReportRequest,
} = dimse.requests;
export const {
  CEchoResponse,
  CFindResponse,
  CGetResponse,
  CMoveResponse,
  CStoreResponse,
  NActionResponse,
  NEventReportResponse,
} = dimse.responses;

export type Association = InstanceType<typeof dimse.association.Association>;
export type PresentationContext = InstanceType<typeof dimse.association.PresentationContext>;
export type Dataset = InstanceType<typeof dimse.Dataset>;
export type CommandRequest = InstanceType<typeof dimse.requests.Request>;
export type CommandResponse = InstanceType<typeof dimse.responses.Response>;
export type CEchoRequest = InstanceType<typeof dimse.requests.CEchoRequest>;
export type CEchoResponse = InstanceType<typeof dimse.responses.CEchoResponse>;
export type CFindRequest = InstanceType<typeof dimse.requests.CFindRequest>;
export type CFindResponse = InstanceType<typeof dimse.responses.CFindResponse>;
export type CMoveRequest = InstanceType<typeof dimse.requests.CMoveRequest>;
export type CMoveResponse = InstanceType<typeof dimse.responses.CMoveResponse>;
export type CStoreRequest = InstanceType<typeof dimse.requests.CStoreRequest>;
export type CStoreResponse = InstanceType<typeof dimse.responses.CStoreResponse>;
export type NActionRequest = InstanceType<typeof dimse.requests.NActionRequest>;
export type NActionResponse = InstanceType<typeof dimse.responses.NActionResponse>;
export type NEventReportRequest = InstanceType<typeof dimse.requests.NEventReportRequest>;
export type NEventReportResponse = InstanceType<typeof dimse.responses.NEventReportResponse>;

/** dcmjs-dimse's methods that its typings leave out, as of 0.3.3. */
interface Internals {
  _processPdu(bytes: Buffer): Promise<void>;
}

/**
 * The library's side of an association, in either role, without its own reading of the socket: that gathers whole
 * PDUs, has no limits and no back-pressure. Whoever owns the socket hands it the PDUs it is to understand; it
 * answers by its methods and by `networkError`.
 */
export class AssociationPeer extends dimse.Scp {
  /** Called by the library's constructor to take hold of the socket and start its timers. */
  protected _wrapSocket(): void {}

  /** @param pdu whole, with its header */
  protected understand(pdu: Buffer): void {
    void (this as unknown as Internals)._processPdu(pdu);
  }
}

/**
 * The library renumbers an offered presentation context whose id is not larger than all before it, and then
 * answers under an id nobody offered. PS3.8 9.3.2.2 asks for odd and unique ids, not for ascending ones.
 */
function keepOfferedContextIds(): void {
  const prototype = dimse.association.Association.prototype;
  const numbered = prototype.addPresentationContext;
  prototype.addPresentationContext = function addPresentationContext(abstractSyntaxUid, id) {
    if (id === undefined) return numbered.call(this, abstractSyntaxUid);
    const context = new dimse.association.PresentationContext(id, abstractSyntaxUid);
    this.getPresentationContexts().push({ id, context });
    return id;
  };
}
