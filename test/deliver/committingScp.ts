import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import dimse from 'dcmjs-dimse';
import {
  type CommitmentResult,
  commitmentResultElements,
  parseCommitmentRequest,
} from '../../agent/dicom/commitment.js';
import { COMMITMENT, sendCommitmentResult } from '../../agent/dicom/dimse/commitment.js';
import type { Peer } from '../../agent/dicom/dimse/outgoing.js';
import { STORAGE_COMMITMENT_INSTANCE } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';

/** What it says of the report when it is asked to keep it: a FailureReason is a number, null is silence. */
export type Promised = 'committed' | number | null;

export interface CommittingScp {
  readonly port: number;
  /** SOP Instance UIDs it was sent, in order. */
  readonly received: string[];
  /** Of the requests it was sent, in order. */
  readonly transactions: string[];
  /** Its word on an object, on an association of its own. */
  report(to: Peer, transactionUid: string, sop: Sop, promised: Exclude<Promised, null>): Promise<void>;
  close(): void;
}

export interface Sop {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface CommittingOptions {
  /** False: it takes reports and knows nothing of storage commitment. */
  readonly offers?: boolean;
}

/** A PACS that stores everything, and reports on each N-ACTION on the same association; the last word repeats. */
export async function committingScp(
  words: readonly Promised[],
  { offers = true }: CommittingOptions = {},
): Promise<CommittingScp> {
  const received: string[] = [];
  const transactions: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const scp = new Committing(socket, {});
    scp.offers = offers;
    scp.onStore = (uid) => void received.push(uid);
    scp.onAsked = (transactionUid) => {
      transactions.push(transactionUid);
      return words[Math.min(transactions.length - 1, words.length - 1)] ?? null;
    };
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    transactions,
    report: (to, transactionUid, sop, promised) =>
      sendCommitmentResult(to, resultOf(transactionUid, sop, promised)),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function resultOf(transactionUid: string, sop: Sop, promised: Exclude<Promised, null>): CommitmentResult {
  return promised === 'committed'
    ? { transactionUid, committed: [sop], failed: [] }
    : { transactionUid, committed: [], failed: [{ ...sop, reason: promised }] };
}

const LOOKS_FOR_MS = 50;

class Committing extends dimse.Scp {
  offers = true;
  onStore: (sopInstanceUid: string) => void = () => undefined;
  onAsked: (transactionUid: string) => Promised = () => null;

  override associationRequested(association: dimse.association.Association): void {
    for (const { context } of association.getPresentationContexts()) {
      const isTaken = this.offers || context.getAbstractSyntaxUid() !== COMMITMENT;
      if (isTaken)
        context.setResult(
          dimse.constants.PresentationContextResult.Accept,
          context.getTransferSyntaxUids()[0],
        );
      else context.setResult(dimse.constants.PresentationContextResult.RejectAbstractSyntaxNotSupported);
    }
    this.sendAssociationAccept();
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }

  override cStoreRequest(
    request: dimse.requests.CStoreRequest,
    callback: (response: dimse.responses.CStoreResponse) => void,
  ): void {
    this.onStore(request.getAffectedSopInstanceUid());
    const response = dimse.responses.CStoreResponse.fromRequest(request);
    response.setStatus(0);
    callback(response);
  }

  override nActionRequest(
    request: dimse.requests.NActionRequest,
    callback: (response: dimse.responses.NActionResponse) => void,
  ): void {
    const { transactionUid, references } = parseCommitmentRequest(request.getDataset()!.getElements());
    const response = dimse.responses.NActionResponse.fromRequest(request);
    response.setStatus(0);
    callback(response);
    const promised = this.onAsked(transactionUid);
    if (promised === null) return;
    const result = resultOf(transactionUid, references[0]!, promised);
    const event = result.failed.length > 0 ? 2 : 1;
    const report = new dimse.requests.NEventReportRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, event);
    const elements = { ...commitmentResultElements(result) };
    report.setDataset(new dimse.Dataset(elements, TRANSFER_SYNTAXES.implicitVrLittleEndian.uid));
    // It looks first: whoever has released the association by then never hears of it.
    setTimeout(() => this.sendRequests(report), LOOKS_FOR_MS);
  }
}
