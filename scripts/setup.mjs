// Installs what is missing and builds what changed; does nothing when both are current.
// Plain Node, because it runs before node_modules exists.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export function setup() {
  requireNode(20, 19);
  if (dependenciesAreStale()) {
    console.error('Installing dependencies (npm ci) …');
    run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
  }
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  console.error(`Calcidisc needs Node ${major}.${minor} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** npm writes node_modules/.package-lock.json last, so its age tells whether an install finished. */
function dependenciesAreStale() {
  const marker = join(root, 'node_modules/.package-lock.json');
  return !existsSync(marker) || statSync(marker).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs;
}

function run(command, args) {
  // onnxruntime-node's install script would fetch the CUDA libraries from outside the registry; the CPU ones are in
  // the package. npm 11 is told so by allowScripts in package.json, older ones by this. GPU hosts: docs/deploy.md.
  const env = { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env };
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
