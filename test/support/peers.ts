import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from '../../config/root.js';

const HIGHDICOM_VERSION = '0.28.2';
/** An environment of its own, as .ci/run makes it. */
const HIGHDICOM = join(tmpdir(), `calcidisc-highdicom-${HIGHDICOM_VERSION}`);

const OHIF_VERSION = '3.13.2';
const OHIF_FOLDER = join(tmpdir(), `calcidisc-ohif-${OHIF_VERSION}`);
/** OHIF as npm's package has it built, 50 MB packed, unpacked beside the tree by .ci/run. */
export const OHIF = join(OHIF_FOLDER, 'package', 'dist');

/** Programs that tests run against for real, and the Debian packages that bring them. */
export const PEERS = {
  orthanc: { command: 'Orthanc', probe: ['--version'], packages: 'orthanc' },
  orthancDicomWeb: {
    command: '/usr/bin/test',
    probe: ['-e', '/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    packages: 'orthanc-dicomweb',
  },
  hl7: { command: '/usr/bin/python3', probe: ['-c', 'import hl7.mllp'], packages: 'python3-hl7' },
  dcmtk: { command: 'storescu', probe: ['--version'], packages: 'dcmtk' },
  dicom3tools: { command: 'dciodvfy', probe: ['-version'], packages: 'dicom3tools' },
  poppler: { command: 'pdftotext', probe: ['-v'], packages: 'poppler-utils' },
  pixelmed: { command: 'java', probe: ['-version'], packages: 'libpixelmed-java pixelmed-apps' },
  openssl: { command: 'openssl', probe: ['version'], packages: 'openssl' },
  redis: { command: 'redis-server', probe: ['--version'], packages: 'redis-server' },
  chromium: { command: 'chromium', probe: ['--version'], packages: 'chromium' },
  python: {
    command: '/usr/bin/python3',
    probe: ['-c', 'import numpy, scipy, PIL, pydicom, nibabel'],
    packages: 'python3-numpy python3-scipy python3-pil python3-pydicom python3-nibabel',
  },
  torch: {
    command: '/usr/bin/python3',
    probe: ['-c', 'import torch, pytest, onnx'],
    packages: 'python3-torch python3-pytest python3-onnx',
  },
  highdicom: {
    command: join(HIGHDICOM, 'bin', 'python'),
    probe: ['-W', 'ignore', '-c', 'import highdicom'],
    packages: '',
    install: `/usr/bin/python3 -m venv ${HIGHDICOM} && ${HIGHDICOM}/bin/pip install highdicom==${HIGHDICOM_VERSION}`,
  },
  viewers: {
    command: process.execPath,
    probe: [join(projectRoot, 'test/viewers/hydrate.mjs'), '--probe'],
    packages: '',
    install: 'npm ci --prefix test/viewers --ignore-scripts',
  },
  ohif: {
    command: '/usr/bin/test',
    probe: ['-e', join(OHIF, 'index.html')],
    packages: '',
    install: `mkdir -p ${OHIF_FOLDER} && cd ${OHIF_FOLDER} && npm pack @ohif/app@${OHIF_VERSION} && tar xzf *.tgz`,
  },
} as const;

export type Peer = keyof typeof PEERS;

const found = new Map<Peer, boolean>();

export function hasPeer(peer: Peer): boolean {
  let answer = found.get(peer);
  if (answer === undefined) {
    const { command, probe } = PEERS[peer];
    answer = spawnSync(command, probe, { stdio: 'ignore' }).error === undefined && probeSucceeds(peer);
    found.set(peer, answer);
  }
  return answer;
}

const TELL_BY_STATUS: ReadonlySet<Peer> = new Set([
  'python',
  'torch',
  'highdicom',
  'viewers',
  'ohif',
  'hl7',
  'orthancDicomWeb',
]);

/** Python's and npm's peers are modules, not programs: there the exit status tells; dciodvfy's usage exits non-zero. */
function probeSucceeds(peer: Peer): boolean {
  if (!TELL_BY_STATUS.has(peer)) return true;
  const { command, probe } = PEERS[peer];
  return spawnSync(command, probe, { stdio: 'ignore' }).status === 0;
}

/** Call in a `before` or at the head of a test: skips it naming the package, or fails with REQUIRE_PEERS=1. */
export function needsPeer(context: Context, ...peers: Peer[]): void {
  for (const peer of peers) {
    if (hasPeer(peer)) continue;
    const wanted = PEERS[peer];
    const install = 'install' in wanted ? wanted.install : `apt-get install ${wanted.packages}`;
    const line = `needs ${wanted.command}: ${install}`;
    if (process.env.REQUIRE_PEERS === '1') throw new Error(line);
    console.log(`      skipped, ${line}`);
    context.skip();
  }
}
