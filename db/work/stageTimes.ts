import { Histogram, Registry } from 'prom-client';

/** How long each stage of the path takes in this process, for /metrics (agent/expose/health.ts). */
export const stageTimes = new Registry();

/** From what a person does not notice to what somebody has to look at. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

const histogram = <L extends string>(name: string, help: string, label: L) =>
  new Histogram({ name, help, labelNames: [label], buckets: SECONDS, registers: [stageTimes] });

const steps = histogram('calcidisc_step_seconds', 'Work of a step, by the state it begins in', 'state');
const states = histogram(
  'calcidisc_state_seconds',
  'From the begin of a state to its end, waits included',
  'state',
);
const readings = histogram('calcidisc_reading_seconds', 'Reading one series', 'modality');

/** @param waitedMs since the case came into the state */
export function noteStep(state: string, milliseconds: number, waitedMs: number): void {
  steps.observe({ state }, milliseconds / 1_000);
  states.observe({ state }, Math.max(0, waitedMs) / 1_000);
}

export function noteReading(modality: string, milliseconds: number): void {
  readings.observe({ modality }, milliseconds / 1_000);
}
