import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import dimse from 'dcmjs-dimse';

export interface AnsweringScp {
  readonly port: number;
  /** SOP Instance UIDs it was sent, in order. */
  readonly received: string[];
  /** How many associations were opened. */
  associations(): number;
  /** The most that were open at the same time. */
  mostAtOnce(): number;
  close(): void;
}

/**
 * A storage SCP that takes everything and answers each C-STORE with the next status; the last one repeats.
 * The answer null drops the connection instead, after the object has come.
 */
export function answeringScp(...answers: (number | null)[]): Promise<AnsweringScp> {
  return serve(answers, null);
}

/** The same, of all classes but this one: it is refused when the association is made. */
export function answeringScpWithout(
  sopClassUid: string,
  ...answers: (number | null)[]
): Promise<AnsweringScp> {
  return serve(answers, sopClassUid);
}

async function serve(
  answers: readonly (number | null)[],
  refusedClass: string | null,
): Promise<AnsweringScp> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let [opened, open, most] = [0, 0, 0];
  const server = createServer((socket) => {
    sockets.add(socket);
    opened++;
    most = Math.max(most, ++open);
    let isOpen = true;
    const end = () => {
      if (isOpen) open--;
      isOpen = false;
    };
    socket.once('close', end);
    socket.on('error', () => undefined);
    const scp = new Answering(socket, {});
    scp.refusedClass = refusedClass;
    scp.released = end;
    scp.answer = (request, callback) => {
      const status = answers[Math.min(received.length, answers.length - 1)]!;
      received.push(request.getAffectedSopInstanceUid());
      if (status === null) return socket.destroy();
      const response = dimse.responses.CStoreResponse.fromRequest(request);
      response.setStatus(status);
      return callback(response);
    };
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    associations: () => opened,
    mostAtOnce: () => most,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

type StoreHandler = (
  request: dimse.requests.CStoreRequest,
  callback: (response: dimse.responses.CStoreResponse) => void,
) => void;

class Answering extends dimse.Scp {
  answer: StoreHandler = () => undefined;
  refusedClass: string | null = null;
  released = () => {};

  override associationRequested(association: dimse.association.Association): void {
    const { Accept, RejectAbstractSyntaxNotSupported } = dimse.constants.PresentationContextResult;
    for (const { context } of association.getPresentationContexts()) {
      const isRefused = context.getAbstractSyntaxUid() === this.refusedClass;
      context.setResult(
        isRefused ? RejectAbstractSyntaxNotSupported : Accept,
        context.getTransferSyntaxUids()[0],
      );
    }
    this.sendAssociationAccept();
  }

  override associationReleaseRequested(): void {
    this.released();
    this.sendAssociationReleaseResponse();
  }

  override cStoreRequest(...given: Parameters<StoreHandler>): void {
    this.answer(...given);
  }
}
