import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** npm's smtp-server: each mail is answered with the next code; 250 takes it, cut ends the connection, hang says nothing. */
export async function smtpSink(codes: readonly (number | 'cut' | 'hang')[], options: SMTPServerOptions = {}) {
  const mails: string[] = [];
  let count = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.key ? [] : ['STARTTLS'],
    ...options,
    async onData(stream, session, done) {
      let text = '';
      try {
        for await (const piece of stream) text += piece;
      } catch {
        // It did not come whole: it counts for nothing.
        return;
      }
      const code = codes[Math.min(count++, codes.length - 1)]!;
      if (code === 250) mails.push(text);
      if (code === 'hang') return;
      if (code === 'cut') return void cut(session.remotePort);
      done(code === 250 ? null : Object.assign(new Error('not taken'), { responseCode: code }));
    },
  });
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => sockets.add(socket));
  const cut = (port: number) => {
    for (const socket of sockets) if (socket.remotePort === port) socket.destroy();
  };
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
