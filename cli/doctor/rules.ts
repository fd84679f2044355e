import { readRules } from '../../agent/deliver/rulesFile.js';
import { compilePriorRule } from '../../agent/query/rule.js';
import { compileRules } from '../../agent/route/rules.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

/** The rules of the configuration, compiled and tried as a start does. */
export function checkRules({
  route,
  query,
  results,
}: Pick<Config, 'route' | 'query' | 'results'>): Finding[] {
  const problems = [
    problemOf('route.mr, route.ct', () => compileRules(route)),
    problemOf('query.priors.rule', () => compilePriorRule(query.priors.rule)),
    problemOf('results.rules', () => results.rules && readRules(results.rules, route.destinations)),
  ].flatMap((each) => each ?? []);
  if (problems.length > 0) return problems;
  return [
    {
      what: 'rules',
      verdict: 'ok',
      detail: `route.mr, route.ct, query.priors.rule${results.rules ? ' and results.rules' : ''} can be read`,
    },
  ];
}

function problemOf(setting: string, compile: () => unknown): Finding | null {
  try {
    compile();
    return null;
  } catch (error) {
    const page = setting === 'results.rules' ? 'results' : 'routing';
    const advice = `docs/${page}.md says what a rule may ask for`;
    return { what: 'rules', verdict: 'failed', detail: (error as Error).message, setting, advice };
  }
}
