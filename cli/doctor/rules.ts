import { compilePriorRule } from '../../agent/query/rule.js';
import { compileRules } from '../../agent/route/rules.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

/** The rules of the configuration, compiled and tried as a start does. */
export function checkRules({ route, query }: Pick<Config, 'route' | 'query'>): Finding[] {
  const problems = [
    problemOf('route.mr, route.ct', () => compileRules(route)),
    problemOf('query.priors.rule', () => compilePriorRule(query.priors.rule)),
  ].flatMap((each) => each ?? []);
  if (problems.length > 0) return problems;
  return [{ what: 'rules', verdict: 'ok', detail: 'route.mr, route.ct and query.priors.rule can be read' }];
}

function problemOf(setting: string, compile: () => unknown): Finding | null {
  try {
    compile();
    return null;
  } catch (error) {
    const advice = 'docs/routing.md says what a rule may ask for';
    return { what: 'rules', verdict: 'failed', detail: (error as Error).message, setting, advice };
  }
}
