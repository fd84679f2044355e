import { z } from 'zod';
import { ENVIRONMENT } from '../../config/load.js';
import { ConfigSchema } from '../../config/schema.js';

/** One key of the configuration, as docs/configuration.md lists it. */
export interface DocumentedKey {
  /** `dicom.remotes[].aeTitle` */
  readonly key: string;
  readonly type: string;
  /** As JSON; null where there is none. */
  readonly standard: string | null;
  readonly variable: string | null;
}

interface Node {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** Every key there is, in the schema's order. */
export function documentedKeys(): DocumentedKey[] {
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input', unrepresentable: 'any' }) as Node;
  return keysOf(schema, '');
}

function keysOf({ properties = {} }: Node, prefix: string): DocumentedKey[] {
  return Object.entries(properties).flatMap(([name, node]) => {
    const key = `${prefix}${name}`;
    if (node.properties) return keysOf(node, `${key}.`);
    const own = [{ key, type: typeOf(node), standard: standardOf(node), variable: variableOf(key) }];
    return [...own, ...kindsOf(node.items).flatMap((kind) => keysOf(kind, `${key}[${nameOf(kind)}].`))];
  });
}

/** What a list holds: objects of one kind, or of several that are told apart by their channel. */
function kindsOf({ properties, oneOf, anyOf }: Node = {}): readonly Node[] {
  if (properties) return [{ properties }];
  return (oneOf ?? anyOf ?? []).filter((kind) => kind.properties);
}

/** The kind that needs no word has none. */
function nameOf({ properties }: Node): string {
  const { const: word, default: isUsual } = properties?.channel ?? {};
  return isUsual === undefined && typeof word === 'string' ? word : '';
}

function typeOf({ type, const: word, enum: values, items, anyOf, oneOf }: Node): string {
  if ([...(oneOf ?? []), ...(anyOf ?? [])].some(({ properties }) => properties)) return 'object';
  if (word !== undefined) return JSON.stringify(word);
  if (values) return values.map((value) => JSON.stringify(value)).join(', ');
  if (type === 'array') return `list of ${kindsOf(items).length > 0 ? 'objects' : typeOf(items ?? {})}`;
  if (anyOf) return 'text';
  return (
    { string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false' }[type ?? ''] ??
    'text'
  );
}

function standardOf({ default: value }: Node): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function variableOf(key: string): string | null {
  const found = Object.entries(ENVIRONMENT).find(
    ([, variable]) => (variable.key ? `${variable.section}.${variable.key}` : variable.section) === key,
  );
  return found?.[0] ?? null;
}
