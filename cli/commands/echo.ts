import type { Command } from 'commander';
import { echo } from '../../agent/deliver/scu.js';
import { asCalcidiscError } from '../../agent/domain/errors.js';
import { addPeerOptions, type PeerOptions, peerOf } from '../peer.js';

interface EchoOptions extends PeerOptions {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('echo')
    .summary('ask a DICOM node whether it is there (C-ECHO)')
    .description('Asks a DICOM node whether it is there and accepts us (C-ECHO).')
    .option('--json', 'one JSON document on stdout');
  addPeerOptions(command)
    .addHelpText('after', '\nExample:\n  calcidisc echo --to 127.0.0.1:4242 --called ORTHANC\n')
    .action((options: EchoOptions) => run(program, options));
}

async function run(program: Command, options: EchoOptions): Promise<void> {
  const { host, port } = options.to;
  const peer = peerOf(options, program);
  const about = { host, port, calledAe: peer.calledAe, callingAe: peer.callingAe };
  try {
    const elapsedMs = Math.round((await echo(peer)).elapsedMs);
    if (options.json) console.log(JSON.stringify({ ...about, ok: true, elapsedMs }));
    else console.log(`${options.called} at ${host}:${port} answers in ${elapsedMs} ms`);
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    if (options.json) console.log(JSON.stringify({ ...about, ok: false, code, message }));
    else console.error(message);
    process.exitCode = 1;
  }
}
