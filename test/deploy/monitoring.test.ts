import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startHttp } from '../../agent/expose/server.js';
import { parseConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { noteDelivery, noteReading, noteStep, stageTimes } from '../../db/work/stageTimes.js';
import { serveFigures } from '../../worker/figures.js';
import { quietLog, useDatabase } from '../support/database.js';

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

const CASE = '3f2a08c1-0000-4000-8000-000000000000';

const textOf = (file: string) => readFileSync(join(projectRoot, 'config/deploy/monitoring', file), 'utf8');

describe('alert rules and dashboard ask for what /metrics gives', () => {
  const db = useDatabase({ http: { port: 0 } });
  let names: Set<string>;
  let open: Response;
  let openText: string;

  before(async () => {
    // Other files of this process have worked too.
    stageTimes.resetMetrics();
    noteStep(CASE, 'located', 120, 900);
    noteDelivery(CASE, { channel: 'c-store', destination: 'pacs' }, 1_500);
    noteReading('MR', 1_200);
    const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
    const http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    const metrics = (accept: string) =>
      fetch(`http://127.0.0.1:${http.port}/metrics`, { headers: { accept } });
    // First: what it does to a counter's name must not be seen in the text after it.
    open = await metrics('application/openmetrics-text; version=1.0.0, text/plain;q=0.5');
    openText = await open.text();
    const text = await (await metrics('*/*')).text();
    await http.close();
    names = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, kind]) => seriesOf(name!, kind!)),
    );
    assert.match(text, /calcidisc_state_seconds_bucket\{le="1",state="located"\} [1-9]/);
  });

  it('as OpenMetrics with the case that a bucket saw last, as text without', () => {
    assert.match(open.headers.get('content-type') ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(
      openText,
      new RegExp(
        `^calcidisc_delivery_seconds_bucket\\{le="2\\.5",channel="c-store",destination="pacs"\\} 1 # \\{case_id="${CASE}"\\} 1\\.5 `,
        'm',
      ),
    );
    assert.match(openText, new RegExp(`^calcidisc_step_seconds_bucket.* # \\{case_id="${CASE}"\\}`, 'm'));
    assert.match(openText, /^process_cpu_seconds_total \S+$/m);
    assert.ok(openText.endsWith('# EOF\n'));
    assert.ok(names.has('process_cpu_seconds_total'));
    assert.ok(names.has('calcidisc_delivery_seconds_bucket'));
  });

  it('a worker that runs alone shows its own, where it is asked to', async () => {
    const settings = parseConfig({ worker: { metricsPort: 0 } }).worker;
    let trouble: string | null = null;
    const worker = { trouble: async () => trouble };
    assert.equal(await serveFigures(parseConfig({}).worker, worker), null);
    const figures = (await serveFigures(settings, worker))!;
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${figures.port}${path}`);
      return { status: answer.status, text: await answer.text() };
    };
    assert.match(
      (await get('/metrics')).text,
      /calcidisc_step_seconds_bucket\{le="0\.25",state="located"\} 1/,
    );
    assert.equal((await get('/healthz')).status, 200);
    trouble = 'none is active';
    assert.deepEqual(await get('/healthz'), {
      status: 503,
      text: '{"status":"none is active","program":"calcidisc worker"}',
    });
    assert.equal((await get('/cases')).status, 404);
    const taken = serveFigures({ ...settings, metricsPort: figures.port }, worker);
    await assert.rejects(taken, { code: 'METRICS_LISTENER' });
    await figures.close();
  });

  it('the dashboard', () => {
    const { panels } = JSON.parse(textOf('grafana.json')) as Dashboard;
    const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
    assert.ok(asked.length > 12);
    assert.deepEqual(
      asked.filter((name) => !names.has(name)),
      [],
    );
  });

  it('the alert rules', () => {
    const { groups } = parse(textOf('alerts.yaml')) as Rules;
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length >= 5);
    for (const { alert, expr } of rules) {
      const asked = metricsIn(expr);
      assert.ok(asked.length > 0, alert);
      assert.deepEqual(
        asked.filter((name) => !names.has(name)),
        [],
        alert,
      );
    }
  });
});

function seriesOf(name: string, kind: string): string[] {
  return kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

/** Names of series in a PromQL expression, as ours and Node's client name them. */
function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/\b(?:calcidisc|process|nodejs)_\w+/g)].map(([name]) => name);
}
