import type { Job } from '../../db/work/queue.js';
import { type RunContext, runStep, type StepEnd } from '../../db/work/runStep.js';
import { CASE_STATES } from '../domain/caseStates.js';
import { CalcidiscError } from '../domain/errors.js';
import { deliverStep } from './deliver.js';
import { locateStep } from './locate.js';
import { pairStep } from './pair.js';
import { reportStep } from './report.js';
import type { AgentStep, StepContext } from './types.js';

/** The agent's four units of work; the fifth, classify, is the worker's. */
const STEPS: Readonly<Record<string, AgentStep>> = {
  pair: pairStep,
  locate: locateStep,
  report: reportStep,
  deliver: deliverStep,
};

/** The handler of the agent's queue: the one unit of work that is due for the job's case. */
export function agentSteps(context: StepContext & RunContext): (job: Job) => Promise<void> {
  return async (job) => {
    const step = STEPS[CASE_STATES[job.state].work ?? ''];
    if (!step) return;
    const log = context.log.child({ caseId: job.caseId, revision: job.revision });
    await runStep(context, job, (row) => step({ ...context, log }, row).catch(waitForHolder));
  };
}

const AWAY_AGAIN_MS = 10_000;

/** An agent that is away costs a case none of its attempts. @throws what is something else */
function waitForHolder(thrown: unknown): StepEnd {
  if (!(thrown instanceof CalcidiscError) || thrown.code !== 'HOLDER_AWAY') throw thrown;
  return { postponeMs: AWAY_AGAIN_MS, waitingFor: thrown.message };
}
