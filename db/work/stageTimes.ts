import { collectDefaultMetrics, Histogram, type PrometheusContentType, Registry } from 'prom-client';

type Exposition = 'text' | 'openmetrics';

const CONTENT_TYPES = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const;

/** The library's types give a registry one exposition for life; the library itself does not. */
function setExposition(registry: Registry, exposition: Exposition): void {
  registry.setContentType(CONTENT_TYPES[exposition] as PrometheusContentType);
}

/** How long each stage of the path takes in this process, for /metrics. */
export const stageTimes = new Registry();
// It takes no histogram with exemplars otherwise.
setExposition(stageTimes, 'openmetrics');

/** From what a person does not notice to what somebody has to look at. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
/** A destination is waited for for days. */
const DELIVERY_SECONDS = [...SECONDS, 7_200, 43_200, 172_800];

/** 'case_id' is no label: the types want exemplars' names among them. */
const histogram = <L extends string>(name: string, help: string, labels: L[], buckets = SECONDS) =>
  new Histogram<L | 'case_id'>({
    name,
    help,
    labelNames: labels,
    buckets,
    registers: [stageTimes],
    enableExemplars: true,
  });

const steps = histogram('calcidisc_step_seconds', 'Work of a step, by the state it begins in', ['state']);
const states = histogram('calcidisc_state_seconds', 'From the begin of a state to its end, waits included', [
  'state',
]);
const readings = histogram('calcidisc_reading_seconds', 'Reading one series', ['modality']);
const deliveries = histogram(
  'calcidisc_delivery_seconds',
  'From a result that is ready to its destination having it, waits included',
  ['channel', 'destination'],
  DELIVERY_SECONDS,
);

/** @param waitedMs since the case came into the state */
export function noteStep(caseId: string, state: string, milliseconds: number, waitedMs: number): void {
  const about = { labels: { state }, exemplarLabels: { case_id: caseId } };
  steps.observe({ ...about, value: milliseconds / 1_000 });
  states.observe({ ...about, value: Math.max(0, waitedMs) / 1_000 });
}

export function noteReading(modality: string, milliseconds: number): void {
  readings.observe({ labels: { modality }, value: milliseconds / 1_000 });
}

export function noteDelivery(
  caseId: string,
  to: { readonly channel: string; readonly destination: string },
  milliseconds: number,
): void {
  const value = Math.max(0, milliseconds) / 1_000;
  deliveries.observe({ labels: { ...to }, value, exemplarLabels: { case_id: caseId } });
}

/** Node's own figures, one set for each exposition: prom-client renames counters for good when it writes OpenMetrics. */
function processFigures(exposition: Exposition): Registry {
  const registry = new Registry();
  setExposition(registry, exposition);
  collectDefaultMetrics({ register: registry });
  return registry;
}

export interface Exposed {
  readonly contentType: string;
  readonly text: string;
}

/**
 * The figures of this process as the scraper asks for them: as OpenMetrics with the case that each bucket saw last
 * (exemplars), else in Prometheus' own text, which knows none.
 * @param accept the request's header
 * @param own further figures, of which none counts up
 */
export function openExposition(
  own: readonly Registry[] = [],
): (accept: string | undefined) => Promise<Exposed> {
  const figures = { text: processFigures('text'), openmetrics: processFigures('openmetrics') };
  return async (accept = '') => {
    const kind: Exposition = accept.includes('application/openmetrics-text') ? 'openmetrics' : 'text';
    // Until `merge` has copied it nothing else runs: another request may want the other one.
    for (const each of [stageTimes, ...own]) setExposition(each, kind);
    const all = Registry.merge([...own, figures[kind], stageTimes]);
    return { contentType: all.contentType, text: await all.metrics() };
  };
}
