import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/schema.js';
import { type Finding, sentenceOf } from './finding.js';

const DAY_MS = 24 * 3_600_000;
const SOON_DAYS = 30;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

interface Tls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
}

/** The files of dicom.tls and http.tls: there, PEM, certificate and key of one pair, in force. Nothing where none are set. */
export function checkCertificates(
  {
    dicom,
    http,
  }: { readonly dicom: Pick<Config['dicom'], 'tls'>; readonly http: Pick<Config['http'], 'tls'> },
  now = new Date(),
): Finding[] {
  return [...checkTls('dicom.tls', dicom.tls, now), ...checkTls('http.tls', http.tls, now)];
}

function checkTls(section: string, tls: Tls | undefined, now: Date): Finding[] {
  if (!tls) return [];
  const certificates = readCertificates(`${section}.certFile`, tls.certFile);
  const authorities = tls.caFile ? readCertificates(`${section}.caFile`, tls.caFile) : [];
  const broken = [certificates, authorities].flatMap((each) => ('verdict' in each ? [each] : []));
  const key = keyProblem(`${section}.keyFile`, tls, 'verdict' in certificates ? null : certificates[0]!);
  if (key) broken.push(key);
  if (broken.length > 0) return broken;
  return [
    ...lifeOf(`${section}.certFile`, certificates as X509Certificate[], now),
    ...lifeOf(`${section}.caFile`, authorities as X509Certificate[], now),
  ];
}

/** Of a service that runs: why its own certificate is not in force now; null when it is. */
export function certificateProblem(tls: Tls, now = new Date()): string | null {
  const wrong = checkTls('dicom.tls', { ...tls, caFile: undefined }, now).find(
    ({ verdict }) => verdict === 'failed',
  );
  return wrong ? sentenceOf(wrong) : null;
}

/** @returns every certificate of a PEM file, at least one, or what is wrong with the file */
function readCertificates(setting: string, path: string): X509Certificate[] | Finding {
  try {
    const blocks = readFileSync(path, 'utf8').match(BLOCK);
    if (!blocks) return failed(setting, `${path} holds no PEM certificate`, PEM_ADVICE);
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    return failed(setting, unreadable(path, error), 'name a PEM file that this account may read');
  }
}

function keyProblem(setting: string, tls: Tls, certificate: X509Certificate | null): Finding | null {
  let pem: Buffer;
  try {
    pem = readFileSync(tls.keyFile);
  } catch (error) {
    return failed(setting, unreadable(tls.keyFile, error), 'name a PEM file that this account may read');
  }
  try {
    const key = createPrivateKey(pem);
    if (certificate && !certificate.checkPrivateKey(key))
      return failed(
        setting,
        `${tls.keyFile} is not the key of ${tls.certFile}`,
        'name the pair that belongs together',
      );
    createSecureContext({ key: pem, ...(certificate && { cert: readFileSync(tls.certFile) }) });
    return null;
  } catch {
    return failed(setting, `${tls.keyFile} holds no PEM private key without a passphrase`, PEM_ADVICE);
  }
}

const PEM_ADVICE = 'a file that begins with -----BEGIN is meant (openssl converts others)';

function lifeOf(setting: string, certificates: readonly X509Certificate[], now: Date): Finding[] {
  return certificates.map((certificate) => {
    const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
    const [what, name] = [`certificate of ${setting}`, subjectOf(certificate)];
    const advice = 'put a new one in its place and start again';
    if (now > to)
      return { what, verdict: 'failed', detail: `${name} has expired on ${day(to)}`, setting, advice };
    if (now < from)
      return { what, verdict: 'failed', detail: `${name} is valid from ${day(from)} only`, setting, advice };
    const days = Math.floor((to.getTime() - now.getTime()) / DAY_MS);
    const detail = `${name} is valid until ${day(to)}, ${days} days`;
    return days < SOON_DAYS
      ? { what, verdict: 'warning', detail, setting, advice }
      : { what, verdict: 'ok', detail };
  });
}

function subjectOf({ subject }: X509Certificate): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function unreadable(path: string, error: unknown): string {
  return `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
}

function failed(setting: string, detail: string, advice: string): Finding {
  return { what: 'TLS', verdict: 'failed', detail, setting, advice };
}
