import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Config, type ConfigInput, ConfigSchema } from './schema.js';

/** Raised for a configuration a person has to mend; the message says where and how. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables that stand above the file: the ones a container or a unit file sets. */
const ENVIRONMENT: Readonly<
  Record<string, readonly [section: keyof ConfigInput, key: string | null, number?: 'number']>
> = {
  CALCIDISC_DATA: ['dataDir', null],
  CALCIDISC_LOG_LEVEL: ['log', 'level'],
  DATABASE_URL: ['database', 'url'],
  REDIS_URL: ['queue', 'redisUrl'],
  CALCIDISC_AE_TITLE: ['dicom', 'aeTitle'],
  CALCIDISC_DICOM_HOST: ['dicom', 'host'],
  CALCIDISC_DICOM_PORT: ['dicom', 'port', 'number'],
  CALCIDISC_HTTP_HOST: ['http', 'host'],
  CALCIDISC_HTTP_PORT: ['http', 'port', 'number'],
};

/**
 * Reads the one configuration object: defaults, then the JSON file (CALCIDISC_CONFIG or `file`), then environment.
 * @throws ConfigError naming the key that is wrong
 */
export function loadConfig(environment: Environment, file?: string): Config {
  const path = file ?? environment.CALCIDISC_CONFIG;
  return parseConfig(overlayEnvironment(path ? readFile(path) : {}, environment));
}

/** @throws ConfigError naming the key that is wrong */
export function parseConfig(input: unknown): Config {
  const parsed = ConfigSchema.safeParse(input);
  if (!parsed.success) throw new ConfigError(`The configuration is wrong:\n${z.prettifyError(parsed.error)}`);
  refuseOpenListener(parsed.data);
  refuseTlsWithoutIdentity(parsed.data);
  return deepFreeze(parsed.data);
}

/** A listener that the network can reach must say who may call: an open door is never a default. */
function refuseOpenListener({ dicom }: Config): void {
  const isLoopback = ['127.0.0.1', '::1', 'localhost'].includes(dicom.host);
  if (isLoopback || !dicom.allowedCallingAEs.includes('*')) return;
  throw new ConfigError(
    `dicom.host is ${dicom.host}, which other machines can reach, but dicom.allowedCallingAEs lets anybody in. ` +
      'List the AE titles of your PACS and modalities there, for example ["ORTHANC", "CT1"].',
  );
}

function refuseTlsWithoutIdentity({ dicom, query, route }: Config): void {
  if (dicom.tls) return;
  const wants = route.destinations.find((each) => each.tls)?.name;
  if (wants)
    throw new ConfigError(`The destination ${wants} speaks TLS: dicom.tls has to name our certificate.`);
  const asked = query.sources.find((each) => each.tls)?.name;
  if (asked)
    throw new ConfigError(`The query source ${asked} speaks TLS: dicom.tls has to name our certificate.`);
  const pinned = dicom.remotes.find((each) => each.certificates.length > 0)?.aeTitle;
  if (pinned)
    throw new ConfigError(`The remote ${pinned} has to show a certificate: dicom.tls has to be set.`);
}

function readFile(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new ConfigError(`Cannot read the configuration ${path}: ${(cause as Error).message}`, { cause });
  }
}

function overlayEnvironment(
  input: Record<string, unknown>,
  environment: Environment,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...input };
  for (const [variable, [section, key, kind]] of Object.entries(ENVIRONMENT)) {
    const text = environment[variable];
    if (text === undefined || text === '') continue;
    const value = kind === 'number' ? Number(text) : text;
    merged[section] = key === null ? value : { ...(merged[section] as object | undefined), [key]: value };
  }
  return merged;
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
