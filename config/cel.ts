import { Environment } from '@marcbachmann/cel-js';
import { ConfigError } from './load.js';

/** What a rule may ask of: CEL's types. Numbers are double, so that a rule reads 80 and 80.0 alike in comparisons. */
export type CelType = 'string' | 'double' | 'bool' | 'list<string>';

/** The names a rule may use, each with its type. */
export type Variables = Readonly<Record<string, CelType>>;

interface ValueOf {
  readonly string: string;
  readonly double: number;
  readonly bool: boolean;
  readonly 'list<string>': readonly string[];
}

/** A value for each declared name: what is unknown is given one too ('' or -1), as CEL knows no absent variable. */
export type FactsFor<V extends Variables> = { readonly [Name in keyof V]: ValueOf[V[Name]] };

/** What a rule says of some facts; `failed` in words: it could not be worked out (an index beyond a list, say). */
export type RuleAnswer = { readonly holds: boolean } | { readonly failed: string };

/** Never throws. */
export type Rule<V extends Variables> = (facts: FactsFor<V>) => RuleAnswer;

/**
 * Compiles a rule once: it has to be a CEL expression over the declared variables whose answer is true or false, and
 * has to give one for every sample. What it still cannot work out later is an answer too, not an exception.
 * @param key where the rule stands in the configuration
 * @throws ConfigError when it is none of that
 */
export function compileRule<const V extends Variables>(
  key: string,
  expression: string,
  variables: V,
  samples: readonly FactsFor<V>[] = [],
): Rule<V> {
  const environment = new Environment();
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
  const { valid, type, error } = environment.check(expression);
  if (!valid)
    throw new ConfigError(
      `${key} is no CEL expression: ${placed(error, expression)}; ` +
        `it may ask of ${Object.keys(variables).join(', ')}`,
      { cause: error },
    );
  if (type !== 'bool' && type !== 'dyn')
    throw new ConfigError(`${key} has to say true or false, and gives a ${type}: ${expression}`);
  const evaluate = environment.parse(expression);
  const rule: Rule<V> = (facts) => {
    try {
      const answer: unknown = evaluate(plain(facts));
      return typeof answer === 'boolean'
        ? { holds: answer }
        : { failed: `it gives ${String(answer)}, neither true nor false` };
    } catch (thrown) {
      return { failed: thrown instanceof Error ? firstLine(thrown.message) : String(thrown) };
    }
  };
  for (const sample of samples) refuseFailure(key, rule(sample), sample);
  return rule;
}

function refuseFailure(key: string, answer: RuleAnswer, sample: object): void {
  if (!('failed' in answer)) return;
  throw new ConfigError(
    `${key} cannot be worked out for what is like ${JSON.stringify(sample)}: ${answer.failed}`,
  );
}

/** CEL's lists are arrays that may be written to. */
function plain(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(facts);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
  );
}

/** One sentence, as a start ends with one: what is wrong, and from where on. */
function placed(
  error: { readonly message: string; readonly range?: { readonly start: number } | undefined } | undefined,
  expression: string,
): string {
  if (!error) return 'it cannot be read';
  const rest = error.range ? expression.slice(error.range.start).replace(/\s+/g, ' ').trim() : '';
  return `${firstLine(error.message)}${rest ? `, at ${rest}` : ''}`;
}

/** The rest of CEL's message draws the expression with an arrow below it. */
function firstLine(message: string): string {
  return message.split('\n')[0]!;
}
