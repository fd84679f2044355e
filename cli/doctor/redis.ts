import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Finding } from './finding.js';

const TIMEOUT_MS = 5_000;
const DEFAULT_PORT = 6379;

/** Whether something that speaks Redis answers at the URL; a server that asks for a password first is one. */
export function pingRedis(url: string): Promise<Finding> {
  const { hostname, port, protocol } = new URL(url);
  const address = { host: hostname, port: Number(port || DEFAULT_PORT) };
  const what = `Redis ${address.host}:${address.port}`;
  const advice = 'check REDIS_URL (queue.redisUrl), or leave it out: the queue then lives in PostgreSQL';
  return new Promise((resolve) => {
    const socket = protocol === 'rediss:' ? connectTls(address) : connect(address);
    const done = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(TIMEOUT_MS, () => done({ what, verdict: 'failed', detail: 'no answer', advice }));
    socket.once('error', (error) => done({ what, verdict: 'failed', detail: error.message, advice }));
    socket.once(protocol === 'rediss:' ? 'secureConnect' : 'connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      const isRedis = /^(\+PONG|-NOAUTH)/.test(answer.toString('latin1'));
      if (isRedis) done({ what, verdict: 'ok', detail: 'answers' });
      else done({ what, verdict: 'failed', detail: 'something else than Redis answers', advice });
    });
  });
}
