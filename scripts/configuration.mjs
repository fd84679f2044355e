// Writes docs/configuration.md from the schema: keys, types, defaults and variables as they are, words as the page has
// them, for a new key those of the comment above it in config/schema.ts or config/http.ts. Run it after a change to the schema.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

setup();
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { documentedKeys } = await import(join(root, 'dist/test/config/documentedKeys.js'));
const page = join(root, 'docs/configuration.md');
const before = readFileSync(page, 'utf8');
const known = new Map(
  [...before.matchAll(/^\| `([^`]+)` \| .*? \| (.*?)\s*\(([^()]*)\)[^()]*\|$/gm)].map(([, key, words]) => [
    key,
    words,
  ]),
);
const source = ['schema', 'http', 'hear', 'channels', 'agents', 'retention']
  .map((name) => readFileSync(join(root, `config/${name}.ts`), 'utf8'))
  .join('\n');
const comments = new Map(
  [...source.matchAll(/\/\*\* ((?:[^*]|\*(?!\/))*)\*\/\n\s*(\w+):/g)].map(([, text, name]) => [
    name,
    text.replace(/\s*\n\s*\*\s*/g, ' ').trim(),
  ]),
);

let out = before.slice(0, before.indexOf('\n|')).trimEnd();
let section = null;
for (const { key, type, standard, variable } of documentedKeys()) {
  const own = key.includes('.') ? key.split('.')[0] : '';
  if (own !== section) out += `\n\n${own ? `## ${own}\n\n` : ''}| key | default | what |\n|---|---|---|`;
  section = own;
  const words =
    known.get(key) ??
    comments.get(
      key
        .split('.')
        .at(-1)
        .replace(/\[.*\]/, ''),
    ) ??
    '';
  const said = [words, `(${type})`, variable && `\`${variable}\``].filter(Boolean).join(' ');
  out += `\n| \`${key}\` | ${standard === null ? '–' : `\`${standard}\``} | ${said} |`;
}
writeFileSync(page, `${out}\n`);
