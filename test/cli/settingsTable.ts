import type { ConfigInput } from '../../config/schema.js';

/** How the walk arranges a row's world; 'load' needs none: the configuration alone is wrong. */
export type Arrangement =
  | 'load'
  | 'certificates'
  | 'dicomPortTaken'
  | 'httpPortTaken'
  | 'dataDirIsFile'
  | 'foreignDatabaseFolder'
  | 'peers'
  | 'databaseNewer'
  | 'databaseOlder'
  | 'free';

/** What each place says; absent where it has nothing to say of it. */
export interface SettingRow {
  readonly what: string;
  readonly arrange?: Arrangement;
  readonly config?: Record<string, unknown>;
  readonly env?: Readonly<Record<string, string>>;
  /** The whole file's text, where it is no object. */
  readonly file?: string;
  /** The one sentence that a start ends with; null: it starts. */
  readonly start: RegExp | null;
  /** Of the doctor: the verdict of what is named so, and what it says. */
  readonly doctor?: readonly [what: RegExp, verdict: 'failed' | 'warning' | 'ok', says: RegExp];
}

const PEER = { aeTitle: 'PACS', host: '127.0.0.1', port: 4242 };
const named = (name: string, more: object = {}) => ({ name, ...PEER, ...more });
const tls = (files: object) => ({ dicom: { tls: { clientCertificates: 'none', ...files } } });
/** In place of what a PACS has. */
const RIS = { channel: 'hl7', aeTitle: undefined, port: 1 };
const HOOK = {
  channel: 'webhook',
  aeTitle: undefined,
  host: undefined,
  port: undefined,
  url: 'http://127.0.0.1:1',
};
const destination = (more: object) => ({ route: { destinations: [named('pacs', more)] } });

/** Forty and more wrong settings and states: with STATES (states.test.ts) what every light says of each. */
export const SETTINGS: readonly SettingRow[] = [
  // The configuration alone: start and doctor end with the same sentence.
  { what: 'a misspelt key', config: { dicom: { prot: 104 } }, start: /dicom: .*"prot"/ },
  {
    what: 'a port that is a word',
    env: { CALCIDISC_DICOM_PORT: 'dicom' },
    start: /dicom\.port \(from CALCIDISC_DICOM_PORT\)/,
  },
  {
    what: 'a page port out of range',
    env: { CALCIDISC_HTTP_PORT: '99999' },
    start: /http\.port \(from CALCIDISC_HTTP_PORT\)/,
  },
  {
    what: 'a log level that is none',
    env: { CALCIDISC_LOG_LEVEL: 'loud' },
    start: /log\.level \(from CALCIDISC_LOG_LEVEL\)/,
  },
  {
    what: 'an AE title of 17 letters',
    config: { dicom: { aeTitle: 'SEVENTEEN_LETTERS' } },
    start: /dicom\.aeTitle: .*1 to 16/,
  },
  {
    what: 'a database address that is none',
    env: { DATABASE_URL: 'db.example.org' },
    start: /database\.url \(from DATABASE_URL\): .*postgres:\/\//,
  },
  {
    what: 'a Redis address that is none',
    env: { REDIS_URL: 'http://queue' },
    start: /queue\.redisUrl \(from REDIS_URL\): .*redis:\/\//,
  },
  { what: 'a file that is no JSON', file: '{ dicom: }', start: /Cannot read the configuration/ },
  { what: 'a file that is a list', file: '[]', start: /has to be a JSON object/ },
  { what: 'a file with a byte order mark', file: '\uFEFF{}', start: null },
  {
    what: 'a listener open to anybody',
    config: { dicom: { host: '0.0.0.0' } },
    start: /dicom\.allowedCallingAEs/,
  },
  {
    what: 'two destinations of one name',
    config: { route: { destinations: [named('pacs'), named('pacs', { port: 1 })] } },
    start: /route\.destinations: two destinations have the same name/,
  },
  {
    what: 'two destinations whose names differ by a space',
    config: { route: { destinations: [named('pacs'), named(' pacs')] } },
    start: /route\.destinations: two destinations/,
  },
  {
    what: 'two query sources of one name',
    config: { query: { sources: [named('pacs'), named('pacs')] } },
    start: /query\.sources: two sources/,
  },
  {
    what: 'two remotes of one AE title',
    config: { dicom: { remotes: [{ aeTitle: 'CT1' }, { aeTitle: 'CT1 ' }] } },
    start: /dicom\.remotes: two remotes/,
  },
  {
    what: 'a destination that speaks TLS, and no certificate',
    config: destination({ tls: true }),
    start: /destination pacs speaks TLS: dicom\.tls/,
  },
  {
    what: 'a query source that speaks TLS, and no certificate',
    config: { query: { sources: [named('pacs', { tls: true })] } },
    start: /query source pacs speaks TLS: dicom\.tls/,
  },
  {
    what: 'a pinned certificate without TLS',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', certificates: ['a'.repeat(64)] }] } },
    start: /remote CT1.*dicom\.tls/,
  },
  {
    what: 'a fingerprint that is none',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', certificates: ['abc'] }] } },
    start: /dicom\.remotes\[0\]\.certificates\[0\]: .*64/,
  },
  {
    what: 'a network that is none',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', networks: ['10.0.0.0/99'] }] } },
    start: /dicom\.remotes\[0\]\.networks\[0\]/,
  },
  {
    what: 'callers that have to show certificates, and nobody to vouch for them',
    config: { dicom: { tls: { certFile: 'a', keyFile: 'b' } } },
    start: /dicom\.tls: .*caFile/,
  },
  {
    what: 'one port for DICOM and page',
    config: { dicom: { port: 8080 } },
    start: /dicom\.port and http\.port are both 8080/,
  },
  {
    what: 'a destination that is this agent',
    config: destination({ aeTitle: 'CALCIDISC', port: 11112 }),
    start: /destination pacs .* is this agent itself/,
  },
  {
    what: 'a query source that is this agent',
    config: { query: { sources: [named('pacs', { aeTitle: 'CALCIDISC', port: 11112 })] } },
    start: /query source pacs .* is this agent itself/,
  },
  // What has to be looked at: rules, files, ports, folders, everybody it talks to.
  {
    what: 'an MR rule that is no CEL',
    arrange: 'free',
    config: { route: { mr: "Modality = 'MR'" } },
    start: /route\.mr/,
    doctor: [/^rules/, 'failed', /route\.mr/],
  },
  {
    what: 'a CT rule that asks for what there is not',
    arrange: 'free',
    config: { route: { ct: "Modalty == 'CT'" } },
    start: /route\.ct/,
    doctor: [/^rules/, 'failed', /route\.ct/],
  },
  {
    what: 'a priors rule that gives no yes or no',
    arrange: 'free',
    config: { query: { priors: { rule: 'Modality' } } },
    start: /query\.priors\.rule/,
    doctor: [/^rules/, 'failed', /query\.priors\.rule/],
  },
  {
    what: 'a certificate that is not there',
    arrange: 'certificates',
    config: tls({ certFile: '$nowhere', keyFile: '$key' }),
    start: /nowhere cannot be read: ENOENT \(dicom\.tls\.certFile\)/,
    doctor: [/^TLS/, 'failed', /ENOENT/],
  },
  {
    what: 'a certificate that is no PEM',
    arrange: 'certificates',
    config: tls({ certFile: '$noPem', keyFile: '$key' }),
    start: /holds no PEM certificate \(dicom\.tls\.certFile\)/,
    doctor: [/^TLS/, 'failed', /no PEM certificate/],
  },
  {
    what: 'a key that is no PEM',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$noPem' }),
    start: /no PEM private key.*dicom\.tls\.keyFile/,
    doctor: [/^TLS/, 'failed', /private key/],
  },
  {
    what: 'the key of another certificate',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$otherKey' }),
    start: /is not the key of.*dicom\.tls\.keyFile/,
    doctor: [/^TLS/, 'failed', /is not the key of/],
  },
  {
    what: 'an authority that is not there',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$key', caFile: '$nowhere' }),
    start: /nowhere cannot be read.*dicom\.tls\.caFile/,
    doctor: [/^TLS/, 'failed', /nowhere/],
  },
  {
    what: 'a certificate that ends tomorrow',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$key' }),
    start: null,
    doctor: [/^certificate of dicom\.tls\.certFile/, 'warning', /valid until/],
  },
  {
    what: 'a DICOM port that is taken',
    arrange: 'dicomPortTaken',
    start:
      /DICOM listener 127\.0\.0\.1:\d+: the port is taken \(dicom\.host, dicom\.port, CALCIDISC_DICOM_HOST, CALCIDISC_DICOM_PORT\)/,
    doctor: [/^DICOM listener/, 'failed', /taken by something else/],
  },
  {
    what: 'a page port that is taken',
    arrange: 'httpPortTaken',
    start: /page 127\.0\.0\.1:\d+: the port is taken \(http\.host, http\.port/,
    doctor: [/^page/, 'failed', /held by another program/],
  },
  {
    what: 'a host that is not this machine',
    arrange: 'free',
    config: { dicom: { host: '192.0.2.1', allowedCallingAEs: ['PACS'] } },
    start: /192\.0\.2\.1:\d+: that is no address of this machine \(dicom\.host/,
    doctor: [/^DICOM listener/, 'failed', /no address of this machine/],
  },
  {
    what: 'a page open to the network',
    arrange: 'free',
    config: { http: { host: '0.0.0.0' } },
    start: null,
    doctor: [/^page/, 'warning', /no log-in/],
  },
  {
    what: 'a data folder that is a file',
    arrange: 'dataDirIsFile',
    start: /data folder: .* cannot be written .*\(dataDir, CALCIDISC_DATA\)/,
    doctor: [/^data folder/, 'failed', /cannot be written/],
  },
  {
    what: 'a disk below its watermark',
    arrange: 'free',
    config: { dicom: { minFreeDiskMiB: 1 << 30 } },
    start: null,
    doctor: [/^data folder/, 'failed', /below the 1073741824 MiB of dicom\.minFreeDiskMiB/],
  },
  {
    what: 'no database yet',
    arrange: 'free',
    start: null,
    doctor: [/^embedded database/, 'ok', /the first start makes it/],
  },
  {
    what: 'a database folder of another owner',
    arrange: 'foreignDatabaseFolder',
    start: null,
    doctor: [/^embedded database/, 'failed', /belongs to user 54321/],
  },
  {
    what: 'a database that does not answer',
    arrange: 'free',
    config: { database: { url: 'postgres://nobody:secret@127.0.0.1:1/none' } },
    start: null,
    doctor: [/^database/, 'failed', /cannot reach PostgreSQL at 127\.0\.0\.1:1/],
  },
  {
    what: 'a database of a newer version',
    arrange: 'databaseNewer',
    start: null,
    doctor: [/^database/, 'failed', /newer version.*9999_tomorrow/],
  },
  {
    what: 'a database of an older version',
    arrange: 'databaseOlder',
    start: null,
    doctor: [/^database/, 'warning', /older version/],
  },
  {
    what: 'Redis away',
    arrange: 'free',
    config: { queue: { redisUrl: 'redis://127.0.0.1:1' } },
    start: null,
    doctor: [/^Redis/, 'failed', /ECONNREFUSED/],
  },
  {
    what: 'no destination',
    arrange: 'free',
    start: null,
    doctor: [/^destinations/, 'warning', /none is configured/],
  },
  {
    what: 'a destination that is not running',
    arrange: 'free',
    config: destination({ port: 1 }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /ECONNREFUSED.*firewall/],
  },
  {
    what: 'an HL7 template that is none',
    arrange: 'free',
    config: destination({ ...RIS, templateFile: '/dev/null' }),
    start: /\/dev\/null:1:1: a message begins with MSH/,
    doctor: [/^destination pacs/, 'failed', /\/dev\/null:1:1/],
  },
  {
    what: 'a RIS that is not running',
    arrange: 'free',
    config: destination(RIS),
    start: null,
    doctor: [/^destination pacs/, 'failed', /hl7: 127\.0\.0\.1:1: .*ECONNREFUSED.*firewall/],
  },
  {
    what: 'a secret that is not there',
    arrange: 'free',
    config: destination({ ...HOOK, secretFile: '/nowhere/hook.key' }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /ENOENT.*\/nowhere\/hook\.key/],
  },
  {
    what: 'a password within an address',
    config: destination({ ...HOOK, url: 'https://us:pw@example.org', secretFile: '/s' }),
    start: /destinations\[0\]\.url: a password does not belong in an address/,
  },
  {
    what: 'a destination by a wrong AE title',
    arrange: 'peers',
    config: destination({ aeTitle: 'OTHER', port: '$pacs' }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /called AE title.*set aeTitle to its own/],
  },
  {
    what: 'a destination that does not know us',
    arrange: 'peers',
    config: destination({ port: '$strict' }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /calling AE title.*enter CALCIDISC there/],
  },
  {
    what: 'a destination that is a web server',
    arrange: 'peers',
    config: destination({ port: '$web' }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /HTTP.*not its DICOM port/],
  },
  {
    what: 'a destination that offers no storage commitment',
    arrange: 'peers',
    config: destination({ port: '$pacs', commitment: true }),
    start: null,
    doctor: [/^destination pacs/, 'failed', /no storage commitment/],
  },
  {
    what: 'a query source that is not running',
    arrange: 'free',
    config: { query: { sources: [named('pacs', { port: 1 })] } },
    start: null,
    doctor: [/^query source pacs/, 'failed', /ECONNREFUSED/],
  },
];

/** What a walk puts in for `$name`. */
export type Substitutes = Readonly<Record<string, string | number>>;

/** The row's configuration with the walk's files and ports in it. */
export function settle(config: Record<string, unknown>, substitutes: Substitutes): ConfigInput {
  return JSON.parse(JSON.stringify(config), (_key, value) =>
    typeof value === 'string' && value.startsWith('$') ? (substitutes[value.slice(1)] ?? value) : value,
  );
}
