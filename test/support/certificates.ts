import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './dcmtk.js';

export interface Identity {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Of the certificate, as configuration and policy write it. */
  readonly sha256: string;
}

/** A certificate authority of a test's own; identities it issues are good for 127.0.0.1 and a day. */
export async function testAuthority(
  dir: string,
  name = 'ca',
): Promise<{ issue(name: string): Promise<Identity> }> {
  const caFile = join(dir, `${name}.pem`);
  const caKey = join(dir, `${name}.key`);
  await openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    caKey,
    '-out',
    caFile,
    '-days',
    '1',
    '-subj',
    `/CN=${name}`,
  );
  const issue = async (subject: string): Promise<Identity> => {
    const file = (suffix: string) => join(dir, `${name}-${subject}.${suffix}`);
    const [certFile, keyFile, request, extensions] = [file('pem'), file('key'), file('csr'), file('ext')];
    await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\n');
    await openssl('req', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${subject}`);
    const by = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions];
    await openssl('x509', '-req', '-in', request, ...by, '-out', certFile, '-days', '1');
    const { fingerprint256 } = new X509Certificate(await readFile(certFile));
    return { certFile, keyFile, caFile, sha256: fingerprint256.replaceAll(':', '').toLowerCase() };
  };
  return { issue };
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes', '-sha256'];

async function openssl(...args: string[]): Promise<void> {
  const { exitCode, output } = await runTool('openssl', args);
  if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${output}`);
}
