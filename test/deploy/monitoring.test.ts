import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startHttp } from '../../agent/expose/server.js';
import { projectRoot } from '../../config/root.js';
import { noteReading, noteStep } from '../../db/work/stageTimes.js';
import { quietLog, useDatabase } from '../support/database.js';

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

const textOf = (file: string) => readFileSync(join(projectRoot, 'config/deploy/monitoring', file), 'utf8');

describe('alert rules and dashboard ask for what /metrics gives', () => {
  const db = useDatabase({ http: { port: 0 } });
  let names: Set<string>;

  before(async () => {
    noteStep('located', 120, 900);
    noteReading('MR', 1_200);
    const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
    const http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    const text = await (await fetch(`http://127.0.0.1:${http.port}/metrics`)).text();
    await http.close();
    names = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, kind]) => seriesOf(name!, kind!)),
    );
    assert.match(text, /calcidisc_state_seconds_bucket\{le="1",state="located"\} [1-9]/);
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
