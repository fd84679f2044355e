import type { ConfigInput } from '../../config/schema.js';

/** How the walk arranges a row's world; 'load' needs none: the configuration alone is wrong. */
export type Arrangement =
  | 'load'
  | 'certificates'
  | 'dicomPortTaken'
  | 'httpPortTaken'
  | 'hl7PortTaken'
  | 'dataDirIsFile'
  | 'foreignDatabaseFolder'
  | 'peers'
  | 'databaseNewer'
  | 'databaseOlder'
  | 'free';

/** A setting or state, and how it is made; what each light says of it stands in docs/lights.md. */
export interface SettingRow {
  readonly what: string;
  readonly arrange?: Arrangement;
  readonly config?: Record<string, unknown>;
  readonly env?: Readonly<Record<string, string>>;
  /** The whole file's text, where it is no object. */
  readonly file?: string;
  /** What stands before the file's text. */
  readonly mark?: string;
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

/** With the states of a service (test/expose/states.test.ts) every row of docs/lights.md. */
export const SETTINGS: readonly SettingRow[] = [
  // The configuration alone: start and doctor end with the same sentence.
  { what: 'a misspelt key', config: { dicom: { prot: 104 } } },
  {
    what: 'a port that is a word',
    env: { CALCIDISC_DICOM_PORT: 'dicom' },
  },
  {
    what: 'a page port out of range',
    env: { CALCIDISC_HTTP_PORT: '99999' },
  },
  {
    what: 'a log level that is none',
    env: { CALCIDISC_LOG_LEVEL: 'loud' },
  },
  {
    what: 'an AE title of 17 letters',
    config: { dicom: { aeTitle: 'SEVENTEEN_LETTERS' } },
  },
  {
    what: 'a database address that is none',
    env: { DATABASE_URL: 'db.example.org' },
  },
  {
    what: 'a Redis address that is none',
    env: { REDIS_URL: 'http://queue' },
  },
  { what: 'a file that is no JSON', file: '{ dicom: }' },
  { what: 'a file that is a list', file: '[]' },
  { what: 'a file with a byte order mark', arrange: 'free', mark: '\uFEFF' },
  {
    what: 'a listener open to anybody',
    config: { dicom: { host: '0.0.0.0' } },
  },
  {
    what: 'two destinations of one name',
    config: { route: { destinations: [named('pacs'), named('pacs', { port: 1 })] } },
  },
  {
    what: 'two destinations whose names differ by a space',
    config: { route: { destinations: [named('pacs'), named(' pacs')] } },
  },
  {
    what: 'two query sources of one name',
    config: { query: { sources: [named('pacs'), named('pacs')] } },
  },
  {
    what: 'two remotes of one AE title',
    config: { dicom: { remotes: [{ aeTitle: 'CT1' }, { aeTitle: 'CT1 ' }] } },
  },
  {
    what: 'a destination that speaks TLS, and no certificate',
    config: destination({ tls: true }),
  },
  {
    what: 'a query source that speaks TLS, and no certificate',
    config: { query: { sources: [named('pacs', { tls: true })] } },
  },
  {
    what: 'a pinned certificate without TLS',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', certificates: ['a'.repeat(64)] }] } },
  },
  {
    what: 'a fingerprint that is none',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', certificates: ['abc'] }] } },
  },
  {
    what: 'a network that is none',
    config: { dicom: { remotes: [{ aeTitle: 'CT1', networks: ['10.0.0.0/99'] }] } },
  },
  {
    what: 'callers that have to show certificates, and nobody to vouch for them',
    config: { dicom: { tls: { certFile: 'a', keyFile: 'b' } } },
  },
  {
    what: 'one port for DICOM and page',
    config: { dicom: { port: 8080 } },
  },
  {
    what: 'a destination that is this agent',
    config: destination({ aeTitle: 'CALCIDISC', port: 11112 }),
  },
  {
    what: 'a query source that is this agent',
    config: { query: { sources: [named('pacs', { aeTitle: 'CALCIDISC', port: 11112 })] } },
  },
  // What has to be looked at: rules, files, ports, folders, everybody it talks to.
  {
    what: 'an MR rule that is no CEL',
    arrange: 'free',
    config: { route: { mr: "Modality = 'MR'" } },
  },
  {
    what: 'a CT rule that asks for what there is not',
    arrange: 'free',
    config: { route: { ct: "Modalty == 'CT'" } },
  },
  {
    what: 'a priors rule that gives no yes or no',
    arrange: 'free',
    config: { query: { priors: { rule: 'Modality' } } },
  },
  {
    what: 'a localiser that is not there',
    arrange: 'free',
    config: { locate: { model: 'localiser@99' } },
  },
  {
    what: 'a certificate that is not there',
    arrange: 'certificates',
    config: tls({ certFile: '$nowhere', keyFile: '$key' }),
  },
  {
    what: 'a certificate that is no PEM',
    arrange: 'certificates',
    config: tls({ certFile: '$noPem', keyFile: '$key' }),
  },
  {
    what: 'a key that is no PEM',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$noPem' }),
  },
  {
    what: 'the key of another certificate',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$otherKey' }),
  },
  {
    what: 'an authority that is not there',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$key', caFile: '$nowhere' }),
  },
  {
    what: 'a certificate that ends tomorrow',
    arrange: 'certificates',
    config: tls({ certFile: '$cert', keyFile: '$key' }),
  },
  {
    what: 'a certificate out of date',
    arrange: 'certificates',
    config: tls({ certFile: '$oldCert', keyFile: '$oldKey' }),
  },
  {
    what: 'a DICOM port that is taken',
    arrange: 'dicomPortTaken',
  },
  {
    what: 'a page port that is taken',
    arrange: 'httpPortTaken',
  },
  {
    what: 'an HL7 port that is taken',
    arrange: 'hl7PortTaken',
  },
  {
    what: 'an HL7 listener open to anybody',
    config: { hear: { hl7: { host: '0.0.0.0', port: 2575 } } },
  },
  {
    what: 'a host that is not this machine',
    arrange: 'free',
    config: { dicom: { host: '192.0.2.1', allowedCallingAEs: ['PACS'] } },
  },
  {
    what: 'a page open to the network',
    arrange: 'free',
    config: { http: { host: '0.0.0.0' } },
  },
  {
    what: 'a page open to the network behind a proxy that is named',
    arrange: 'free',
    config: { http: { host: '0.0.0.0', trustedProxies: ['10.0.0.1'] } },
  },
  {
    what: 'a page without a log-in, open to the network',
    config: { http: { host: '0.0.0.0', access: 'loopback-open' } },
  },
  {
    what: 'a page without a log-in on this machine',
    arrange: 'free',
    config: { http: { access: 'loopback-open' } },
  },
  {
    what: 'a page whose certificate is not there',
    arrange: 'certificates',
    config: { http: { tls: { certFile: '$nowhere', keyFile: '$key' } } },
  },
  {
    what: 'a page with the key of another certificate',
    arrange: 'certificates',
    config: { http: { tls: { certFile: '$cert', keyFile: '$otherKey' } } },
  },
  {
    what: 'a single sign-on that is not there',
    arrange: 'free',
    config: {
      http: {
        publicUrl: 'http://c.example',
        oidc: { issuer: 'http://127.0.0.1:1', clientId: 'c', roles: {} },
      },
    },
  },
  {
    what: 'a data folder that is a file',
    arrange: 'dataDirIsFile',
  },
  {
    what: 'a disk below its watermark',
    arrange: 'free',
    config: { dicom: { minFreeDiskMiB: 1 << 30 } },
  },
  {
    what: 'no database yet',
    arrange: 'free',
  },
  {
    what: 'a database folder of another owner',
    arrange: 'foreignDatabaseFolder',
  },
  {
    what: 'a database that does not answer',
    arrange: 'free',
    config: { database: { url: 'postgres://nobody:secret@127.0.0.1:1/none' } },
  },
  {
    what: 'a database of a newer version',
    arrange: 'databaseNewer',
  },
  {
    what: 'a database of an older version',
    arrange: 'databaseOlder',
  },
  {
    what: 'Redis away',
    arrange: 'free',
    config: { queue: { redisUrl: 'redis://127.0.0.1:1' } },
  },
  {
    what: 'no destination',
    arrange: 'free',
  },
  {
    what: 'a destination that is not running',
    arrange: 'free',
    config: destination({ port: 1 }),
  },
  {
    what: 'an HL7 template that is none',
    arrange: 'free',
    config: destination({ ...RIS, templateFile: '/dev/null' }),
  },
  {
    what: 'a RIS that is not running',
    arrange: 'free',
    config: destination(RIS),
  },
  {
    what: 'a secret that is not there',
    arrange: 'free',
    config: destination({ ...HOOK, secretFile: '/nowhere/hook.key' }),
  },
  {
    what: 'a password within an address',
    config: destination({ ...HOOK, url: 'https://us:pw@example.org', secretFile: '/s' }),
  },
  {
    what: 'a destination by a wrong AE title',
    arrange: 'peers',
    config: destination({ aeTitle: 'OTHER', port: '$pacs' }),
  },
  {
    what: 'a destination that does not know us',
    arrange: 'peers',
    config: destination({ port: '$strict' }),
  },
  {
    what: 'a destination that is a web server',
    arrange: 'peers',
    config: destination({ port: '$web' }),
  },
  {
    what: 'a destination that offers no storage commitment',
    arrange: 'peers',
    config: destination({ port: '$pacs', commitment: true }),
  },
  {
    what: 'a query source that is not running',
    arrange: 'free',
    config: { query: { sources: [named('pacs', { port: 1 })] } },
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
