import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../config/root.js';

/** A message as the receiver of another house read it. */
export interface Hl7Message {
  readonly answered: string;
  readonly controlId: string;
  /** Of its segments, in order. */
  readonly names: string[];
  readonly obx: string[];
  readonly status: string[];
  readonly patient: string;
  readonly text: string;
}

/** Debian's python3-hl7 as the RIS; `answers` as test/deliver/mllp_receiver.py has them. */
export async function hl7Receiver(answers: readonly string[], tls?: { certFile: string; keyFile: string }) {
  const script = join(projectRoot, 'test/deliver/mllp_receiver.py');
  const identity = tls ? [tls.certFile, tls.keyFile] : [];
  const child: ChildProcess = spawn('/usr/bin/python3', [script, answers.join(','), ...identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages: Hl7Message[] = [];
  const lines = createInterface(child.stdout!);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the HL7 receiver ended')));
    lines.on('line', (line) => {
      const said = JSON.parse(line);
      if (said.port) resolve(said.port);
      else messages.push(said);
    });
  });
  return {
    port,
    messages,
    async close() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
