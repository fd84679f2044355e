import type { Job } from '../../db/work/queue.js';
import { type RunContext, runStep } from '../../db/work/runStep.js';
import { CASE_STATES } from '../domain/caseStates.js';
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
    await runStep(context, job, (row) => step({ ...context, log }, row));
  };
}
