import type { Command } from 'commander';
import { echo } from '../../deliver/scu.js';
import { asCalcidiscError } from '../../dicom/errors.js';
import { addPeerOptions, type PeerOptions } from '../peer.js';

export function register(program: Command): void {
  const command = program
    .command('echo')
    .summary('ask a DICOM node whether it is there (C-ECHO)')
    .description('Asks a DICOM node whether it is there and accepts us (C-ECHO).')
    .option('--json', 'one JSON document on stdout');
  addPeerOptions(command)
    .addHelpText('after', '\nExample:\n  calcidisc echo --to 127.0.0.1:4242 --called ORTHANC\n')
    .action(run);
}

async function run(options: PeerOptions & { readonly json?: boolean }): Promise<void> {
  const { host, port } = options.to;
  const peer = { host, port, calledAe: options.called, callingAe: options.calling };
  try {
    const elapsedMs = Math.round((await echo(peer)).elapsedMs);
    if (options.json) console.log(JSON.stringify({ ...peer, ok: true, elapsedMs }));
    else console.log(`${options.called} at ${host}:${port} answers in ${elapsedMs} ms`);
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    if (options.json) console.log(JSON.stringify({ ...peer, ok: false, code, message }));
    else console.error(message);
    process.exitCode = 1;
  }
}
