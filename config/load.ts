import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { dimseDestinations } from './destinations.js';
import { type Config, type ConfigInput, ConfigSchema } from './schema.js';
import { LOOPBACK } from './values.js';

/** Raised for a configuration a person has to mend; the message says where and how. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;
/** By the key that each has set. */
type Variables = ReadonlyMap<string, string>;

interface Variable {
  readonly section: keyof ConfigInput;
  /** Absent: the section is the key. */
  readonly key?: string;
  readonly isNumber?: boolean;
}

/** Environment variables that stand above the file: the ones a container or a unit file sets. */
export const ENVIRONMENT: Readonly<Record<string, Variable>> = {
  CALCIDISC_DATA: { section: 'dataDir' },
  CALCIDISC_LOG_LEVEL: { section: 'log', key: 'level' },
  CALCIDISC_LOG_FORMAT: { section: 'log', key: 'format' },
  DATABASE_URL: { section: 'database', key: 'url' },
  REDIS_URL: { section: 'queue', key: 'redisUrl' },
  CALCIDISC_AE_TITLE: { section: 'dicom', key: 'aeTitle' },
  CALCIDISC_DICOM_HOST: { section: 'dicom', key: 'host' },
  CALCIDISC_DICOM_PORT: { section: 'dicom', key: 'port', isNumber: true },
  CALCIDISC_HTTP_HOST: { section: 'http', key: 'host' },
  CALCIDISC_HTTP_PORT: { section: 'http', key: 'port', isNumber: true },
};

/**
 * Reads the one configuration object: defaults, then the JSON file (CALCIDISC_CONFIG or `file`), then environment.
 * @throws ConfigError naming the key that is wrong, and the variable where one set it
 */
export function loadConfig(environment: Environment, file?: string): Config {
  const path = file ?? environment.CALCIDISC_CONFIG;
  const said = file === undefined ? `${path} (from CALCIDISC_CONFIG)` : file;
  const input = overlayEnvironment(path ? readFile(path, said) : {}, environment);
  return parseConfig(input, variablesIn(environment));
}

/**
 * @param variables by the key that each has set
 * @throws ConfigError naming the key that is wrong
 */
export function parseConfig(input: unknown, variables: Variables = new Map()): Config {
  const parsed = ConfigSchema.safeParse(input);
  if (!parsed.success)
    throw new ConfigError(
      `The configuration is wrong: ${parsed.error.issues.map((issue) => inWords(issue, variables)).join('; ')}`,
    );
  refuseContradictions(parsed.data, variables);
  return deepFreeze(parsed.data);
}

/** `dicom.port (from CALCIDISC_DICOM_PORT): expected number, received string` */
function inWords({ path, message }: z.core.$ZodIssue, variables: Variables): string {
  const key = path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part),
    '',
  );
  const where = named(key, variables);
  const said = message.replace(/^Invalid input: /, '').replace(/^./, (letter) => letter.toLowerCase());
  return where ? `${where}: ${said}` : said;
}

/** The key as a person finds it: with the variable that has set it. */
function named(key: string, variables: Variables): string {
  const variable = variables.get(key);
  return variable ? `${key} (from ${variable})` : key;
}

/** Which keys the environment has set, and by which variable. */
function variablesIn(environment: Environment): Variables {
  return new Map(
    Object.entries(ENVIRONMENT)
      .filter(([variable]) => isSet(environment[variable]))
      .map(([variable, { section, key }]) => [key ? `${section}.${key}` : section, variable]),
  );
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

/** What each key allows alone, and no two together. */
function refuseContradictions(config: Config, variables: Variables): void {
  refuseOpenListener(config, variables);
  refuseTlsWithoutIdentity(config);
  refuseOnePortTwice(config, variables);
  refuseOurselves(config);
  refuseOpenPage(config);
}

/** A listener that the network can reach must say who may call: an open door is never a default. */
function refuseOpenListener({ dicom }: Config, variables: Variables): void {
  if (LOOPBACK.includes(dicom.host) || !dicom.allowedCallingAEs.includes('*')) return;
  throw new ConfigError(
    `${named('dicom.host', variables)} is ${dicom.host}, which other machines can reach, but dicom.allowedCallingAEs lets anybody in. ` +
      'List the AE titles of your PACS and modalities there, for example ["ORTHANC", "CT1"].',
  );
}

function refuseTlsWithoutIdentity({ dicom, query, route }: Config): void {
  if (dicom.tls) return;
  const wants = dimseDestinations(route).find((each) => each.tls)?.name;
  if (wants)
    throw new ConfigError(`The destination ${wants} speaks TLS: dicom.tls has to name our certificate.`);
  const asked = dimseSources(query).find((each) => each.tls)?.name;
  if (asked)
    throw new ConfigError(`The query source ${asked} speaks TLS: dicom.tls has to name our certificate.`);
  const pinned = dicom.remotes.find((each) => each.certificates.length > 0)?.aeTitle;
  if (pinned)
    throw new ConfigError(`The remote ${pinned} has to show a certificate: dicom.tls has to be set.`);
}

function dimseSources({ sources }: Config['query']) {
  return sources.filter((each) => each.channel === 'dimse');
}

function refuseOnePortTwice({ dicom, http }: Config, variables: Variables): void {
  if (dicom.port === 0 || dicom.port !== http.port || dicom.host !== http.host) return;
  throw new ConfigError(
    `${named('dicom.port', variables)} and ${named('http.port', variables)} are both ${dicom.port} on ${dicom.host}: one of them has to move.`,
  );
}

/** A page without log-in is for this machine alone, and nothing in front of it may pass others on to it. */
function refuseOpenPage({ http }: Config): void {
  const isLocal = LOOPBACK.includes(http.host);
  if (http.access === 'loopback-open' && !(isLocal && http.trustedProxies.length === 0))
    throw new ConfigError(
      isLocal
        ? 'http.access is "loopback-open", and http.trustedProxies lets others in: leave one of them out.'
        : `http.access is "loopback-open", but http.host is ${http.host}, which other machines can reach: leave http.access out.`,
    );
  if (http.oidc && !http.publicUrl && (!isLocal || http.port === 0))
    throw new ConfigError(
      'http.oidc sends people back to the page: http.publicUrl has to say by which address they reach it.',
    );
  if (http.publicUrl?.startsWith('https:') && !http.tls && http.trustedProxies.length === 0)
    throw new ConfigError(
      'http.publicUrl begins with https, and nobody is named who speaks it: set http.tls, or name the proxy in http.trustedProxies.',
    );
  if (http.userHeader && http.trustedProxies.length === 0)
    throw new ConfigError(
      'http.userHeader is believed of http.trustedProxies only, and none is named: anybody could send that header.',
    );
  if (http.userRole && !http.userHeader)
    throw new ConfigError('http.userRole is for whom http.userHeader names, and that is not set.');
}

/** A report sent to ourselves would come back as an object to refuse, for ever. */
function refuseOurselves({ dicom, query, route }: Config): void {
  const isUs = ({ host, port, aeTitle }: { host: string; port: number; aeTitle: string }) =>
    port === dicom.port && aeTitle === dicom.aeTitle && (host === dicom.host || LOOPBACK.includes(host));
  const destination = dimseDestinations(route).find(isUs)?.name;
  if (destination)
    throw new ConfigError(
      `The destination ${destination} (route.destinations) is this agent itself: name your PACS.`,
    );
  const source = dimseSources(query).find(isUs)?.name;
  if (source)
    throw new ConfigError(`The query source ${source} (query.sources) is this agent itself: name your PACS.`);
}

/** @param said the path as an error names it */
function readFile(path: string, said: string): Record<string, unknown> {
  let input: unknown;
  try {
    // Windows' editors put a byte order mark in front, which JSON does not allow.
    input = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new ConfigError(`Cannot read the configuration ${said}: ${(cause as Error).message}`, { cause });
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input))
    return input as Record<string, unknown>;
  throw new ConfigError(`The configuration ${said} has to be a JSON object: { … }`);
}

function overlayEnvironment(
  input: Record<string, unknown>,
  environment: Environment,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...input };
  for (const [variable, { section, key, isNumber }] of Object.entries(ENVIRONMENT)) {
    const text = environment[variable];
    if (!isSet(text)) continue;
    // What is no number stays as it was written, so that the error can show it.
    const value = isNumber && Number.isFinite(Number(text)) ? Number(text) : text;
    merged[section] =
      key === undefined ? value : { ...(merged[section] as object | undefined), [key]: value };
  }
  return merged;
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
