import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import dimse from 'dcmjs-dimse';
import type { Invented } from './site.js';

export interface MovingScp {
  readonly port: number;
  /** C-MOVEs it was asked for so far. */
  moves(): number;
  close(): void;
}

/** A PACS that has one series, and answers each C-MOVE with a status; the last one repeats. */
export async function movingScp(series: Invented, statuses: readonly number[]): Promise<MovingScp> {
  const sockets = new Set<Socket>();
  let moves = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const scp = new Moving(socket, {});
    scp.series = series;
    scp.nextStatus = () => statuses[Math.min(moves++, statuses.length - 1)]!;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    moves: () => moves,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

class Moving extends dimse.Scp {
  series!: Invented;
  nextStatus: () => number = () => 0;

  override associationRequested(association: dimse.association.Association): void {
    for (const { context } of association.getPresentationContexts())
      context.setResult(dimse.constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    this.sendAssociationAccept();
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }

  override cFindRequest(
    request: dimse.requests.CFindRequest,
    callback: (responses: dimse.responses.CFindResponse[]) => void,
  ): void {
    const { modality, patientId, date, studyInstanceUid, seriesInstanceUid, files } = this.series;
    const level = String(request.getDataset()!.getElements().QueryRetrieveLevel);
    const study = { StudyInstanceUID: studyInstanceUid, PatientID: patientId, StudyDate: date };
    const found =
      level === 'STUDY'
        ? { ...study, ModalitiesInStudy: modality }
        : {
            ...study,
            SeriesInstanceUID: seriesInstanceUid,
            Modality: modality,
            NumberOfSeriesRelatedInstances: String(files.length),
          };
    const match = dimse.responses.CFindResponse.fromRequest(request);
    match.setDataset(new dimse.Dataset({ QueryRetrieveLevel: level, ...found }));
    match.setStatus(0xff00);
    const last = dimse.responses.CFindResponse.fromRequest(request);
    last.setStatus(0);
    callback([match, last]);
  }

  override cMoveRequest(
    request: dimse.requests.CMoveRequest,
    callback: (responses: dimse.responses.CMoveResponse[]) => void,
  ): void {
    const response = dimse.responses.CMoveResponse.fromRequest(request);
    response.setStatus(this.nextStatus());
    callback([response]);
  }
}
