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

/** A pair whose certificate was good in January 2024 alone. */
export async function expiredPair(dir: string): Promise<Pick<Identity, 'certFile' | 'keyFile'>> {
  const file = (name: string) => join(dir, `expired-${name}`);
  const [certFile, keyFile, request, config] = [file('pem'), file('key'), file('csr'), file('conf')];
  await openssl('req', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', '/CN=expired');
  await writeFile(file('index'), '');
  await writeFile(
    config,
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${file('index')}\nnew_certs_dir=${dir}\nrand_serial=yes\n` +
      'default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n',
  );
  const dates = ['-startdate', '20240101000000Z', '-enddate', '20240131000000Z'];
  const own = ['-config', config, '-selfsign', '-keyfile', keyFile, '-in', request, '-out', certFile];
  await openssl('ca', '-batch', '-notext', ...dates, ...own);
  return { certFile, keyFile };
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes', '-sha256'];

async function openssl(...args: string[]): Promise<void> {
  const { exitCode, output } = await runTool('openssl', args);
  if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${output}`);
}
