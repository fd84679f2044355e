import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUERY_STATUSES, queryRemedyOf, statusText } from '../../agent/dicom/statuses.js';
import { projectRoot } from '../../config/root.js';

describe('query: the conformance statement', () => {
  it('lists the statuses of C-FIND and C-MOVE with what is done about them', () => {
    const text = readFileSync(join(projectRoot, 'docs/conformance.md'), 'utf8');
    const section = text.split(/^#+ /m).find((each) => each.startsWith('4.5 '))!;
    const words = { retry: 'tried again', 'give-up': 'given up' };
    for (const { meaning, code, remedy } of Object.values(QUERY_STATUSES))
      assert.ok(section.includes(`| ${meaning} | ${statusText(code)} | ${words[remedy]} |`), meaning);
    assert.equal(section.match(/^\| .*\| [0-9A-F]{4} \|/gm)?.length, Object.keys(QUERY_STATUSES).length);
  });
  it('a status goes by its row, "unable to process" is tried again, the rest as for storage', () => {
    for (const { code, remedy } of Object.values(QUERY_STATUSES)) assert.equal(queryRemedyOf(code), remedy);
    assert.deepEqual([0xc001, 0x0000, 0x0122].map(queryRemedyOf), ['retry', 'none', 'give-up']);
  });
});
