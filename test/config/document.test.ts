import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { documentedKeys } from './documentedKeys.js';

describe('docs/configuration.md', () => {
  const lines = readFileSync(join(projectRoot, 'docs/configuration.md'), 'utf8').split('\n');
  const rows = new Map(
    lines.flatMap((line) => {
      const [, key, standard] = /^\| `([^`]+)` \| (.*?) \|/.exec(line) ?? [];
      return key && standard !== undefined ? [[key, standard] as const] : [];
    }),
  );

  it('has every key of the schema with its default, and no other', () => {
    const expected = documentedKeys().map(({ key, standard }) => [
      key,
      standard === null ? '–' : `\`${standard}\``,
    ]);
    assert.deepEqual([...rows], expected);
  });

  it('says which environment variable stands above a key', () => {
    for (const { key, variable } of documentedKeys())
      if (variable)
        assert.ok(
          lines.some((line) => line.includes(`\`${key}\``) && line.includes(variable)),
          key,
        );
  });
});
