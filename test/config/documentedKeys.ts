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
    return node.items?.properties ? [...own, ...keysOf(node.items, `${key}[].`)] : own;
  });
}

function typeOf({ type, enum: values, items, anyOf }: Node): string {
  if (values) return values.map((value) => JSON.stringify(value)).join(', ');
  if (type === 'array') return `list of ${items?.properties ? 'objects' : typeOf(items ?? {})}`;
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
