import type { Command } from 'commander';
import { type StoreResult, storeFiles } from '../../agent/deliver/scu.js';
import { filesUnder } from '../files.js';
import { addPeerOptions, type PeerOptions, peerOf } from '../peer.js';
import { showProgress } from '../progress.js';

interface SendOptions extends PeerOptions {
  readonly json?: boolean;
}

const MOST_FAILURES_SHOWN = 50;

export function register(program: Command): void {
  const command = program
    .command('send')
    .summary('send DICOM files to a node (C-STORE)')
    .description(
      'Sends DICOM files, and all files in folders and the folders in them, to a DICOM node (C-STORE).\n' +
        'Every file goes as it is, in its own transfer syntax; a file that fails does not stop the rest.',
    )
    .argument('<path...>', 'files and folders')
    .option('--json', 'one JSON document on stdout');
  addPeerOptions(command)
    .addHelpText('after', '\nExample:\n  calcidisc send ./study --to 127.0.0.1:11112 --called CALCIDISC\n')
    .action((paths: string[], options: SendOptions) => run(program, paths, options));
}

async function run(program: Command, paths: string[], options: SendOptions): Promise<void> {
  const files = await filesUnder(paths, options.json);
  if (files.length === 0) throw new Error('there are no files to send');
  const begin = performance.now();
  const progress = showProgress(files.length, 'files', options.json);
  const results = await storeFiles({
    ...peerOf(options, program),
    files,
    onProgress: (_, done) => progress.at(done),
  }).finally(() => progress.end());
  const summary = summarise(results, performance.now() - begin);
  if (options.json) console.log(JSON.stringify({ ...summary, files: results.map(plain) }));
  else print(summary, results, options);
  if (summary.failed > 0) process.exitCode = 1;
}

interface Summary {
  readonly sent: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

function summarise(results: readonly StoreResult[], elapsedMs: number): Summary {
  const sent = results.filter((each) => each.isStored).length;
  return { sent, failed: results.length - sent, elapsedMs: Math.round(elapsedMs) };
}

function print(summary: Summary, results: readonly StoreResult[], { to, called }: SendOptions): void {
  const perSecond = Math.round((summary.sent * 1000) / Math.max(1, summary.elapsedMs));
  console.log(
    `${summary.sent} of ${results.length} files stored at ${called} (${to.host}:${to.port}), ${perSecond} per second`,
  );
  const failures = results.filter((each) => !each.isStored);
  for (const each of failures.slice(0, MOST_FAILURES_SHOWN)) {
    console.error(`not stored: ${each.file}: ${each.error?.message ?? 'unknown'}`);
  }
  const more = failures.length - MOST_FAILURES_SHOWN;
  if (more > 0) console.error(`… and ${more} more (--json lists them all)`);
}

function plain({ file, sopInstanceUid, status, isStored, error }: StoreResult) {
  return {
    file,
    sopInstanceUid,
    status,
    isStored,
    error: error && { code: error.code, message: error.message },
  };
}
