import { statSync } from 'node:fs';
import { type Destination, eventsOf, formsOf } from '../../config/destinations.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Route, Send } from '../../db/tables/results.js';
import type { ReportInput } from '../report/types.js';
import { eventsIn } from './news.js';
import { outcomeOf } from './outcome.js';
import { type ResultRule, type RuleFacts, readRules } from './rulesFile.js';

type RouteConfig = Pick<Config, 'route' | 'results'>;

/** What rules ask of. */
export function ruleFacts(input: ReportInput, callingAe: string): RuleFacts {
  const { study, patient } = input;
  return {
    ...outcomeOf(input),
    amended: input.predecessor !== null,
    CallingAE: callingAe,
    StudyDescription: study.description,
    AccessionNumber: study.accessionNumber,
    PatientSex: patient.sex,
    PatientAge: yearsOf(patient.age ?? ''),
  };
}

/** Of an AS: years, also of months, weeks and days; -1 where there is none. */
function yearsOf(age: string): number {
  const [, count, unit] = /^(\d{3})([DWMY])$/.exec(age) ?? [];
  if (!count) return -1;
  const inYears: Readonly<Record<string, number>> = { D: 1 / 365.25, W: 7 / 365.25, M: 1 / 12, Y: 1 };
  return Math.floor(Number(count) * inYears[unit!]!);
}

/**
 * Where a result goes: by the first rule that holds; without rules to every destination. Silent is a result that stays
 * here, and what was silent once is sent only when a person says so.
 */
export function routeOf(
  config: RouteConfig,
  facts: RuleFacts,
  rules: readonly ResultRule[] | null = null,
): Route {
  const { destinations } = config.route;
  const base = { mode: 'live', rule: null, urgency: 'routine', why: null } as const;
  if (config.results.mode === 'silent')
    return { ...base, mode: 'silent', sends: [], why: 'this installation is silent (results.mode)' };
  if (destinations.length === 0)
    return { ...base, mode: 'silent', sends: [], why: 'no destination is configured (route.destinations)' };
  const everywhere = destinations.map((each) => ({ destination: each.name, forms: formsOf(each) }));
  if (!rules) return { ...base, ...wanted(everywhere, destinations, facts) };
  for (const rule of rules) {
    const answer = rule.when === null ? { holds: true } : rule.when(facts);
    if ('failed' in answer) {
      // Silence would be worse than a report too many.
      const why = `the rule ${rule.name} cannot be worked out (${answer.failed}): it goes everywhere`;
      return { ...base, rule: rule.name, sends: everywhere, why };
    }
    if (!answer.holds) continue;
    const { name, urgency } = rule;
    if (rule.mode === 'silent')
      return { ...base, mode: 'silent', rule: name, urgency, sends: [], why: `the rule ${name} is silent` };
    return { ...base, rule: name, urgency, ...wanted(rule.sends, destinations, facts) };
  }
  return { ...base, ...wanted(everywhere, destinations, facts) };
}

/** Who hears of some events only hears of a result that is one of them. */
function wanted(sends: readonly Send[], destinations: readonly Destination[], facts: RuleFacts) {
  const events = eventsIn(facts);
  const kept = sends.filter(({ destination }) => {
    const own = eventsOf(destinations.find(({ name }) => name === destination)!);
    return own === null || own.some((each) => events.includes(each));
  });
  return { sends: kept, why: kept.length === 0 ? 'nobody is to have this result' : null };
}

interface Read {
  readonly stamp: string;
  readonly rules: readonly ResultRule[] | null;
  /** Why those before stand, in words. */
  readonly problem: string | null;
}

/** One file for each configuration; read anew when it has changed. */
const read = new WeakMap<Config['results'], Read>();

/**
 * The rules as the file has them now. One that has become wrong is said, and the rules before it go on deciding.
 * @throws CalcidiscError TEMPLATE_INVALID when they have never been right
 */
export function currentRules({ route, results }: RouteConfig, log?: Logger): Pick<Read, 'rules' | 'problem'> {
  if (!results.rules) return { rules: null, problem: null };
  const before = read.get(results);
  const stamp = stampOf(results.rules);
  if (before?.stamp === stamp) return before;
  try {
    const now = { stamp, rules: readRules(results.rules, route.destinations), problem: null };
    read.set(results, now);
    if (before)
      log?.info({ rules: now.rules.map(({ name }) => name) }, 'the rules of results were read anew');
    return now;
  } catch (error) {
    if (!before) throw error;
    const problem = (error as Error).message;
    read.set(results, { ...before, stamp, problem });
    log?.error({ reason: problem }, 'the rules of results are wrong: those before go on deciding');
    return { rules: before.rules, problem };
  }
}

function stampOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'gone';
  }
}

/** Where a result goes by the configuration and the rules of this moment. */
export function decideRoute(config: RouteConfig, input: ReportInput, callingAe: string, log?: Logger): Route {
  const { rules, problem } = currentRules(config, log);
  const route = routeOf(config, ruleFacts(input, callingAe), rules);
  if (problem === null) return route;
  const said = `the rules are wrong now and those before decided: ${problem}`;
  return { ...route, why: route.why ? `${route.why}; ${said}` : said };
}
