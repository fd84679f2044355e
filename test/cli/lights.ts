import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../cli/doctor/finding.js';
import { projectRoot } from '../../config/root.js';

/** What each light says of one wrong setting or state, as docs/lights.md has it. */
export interface Light {
  /** 'starts', or the sentence it ends with. */
  readonly start: string;
  /** `verdict: what: detail`; '–' where it has nothing to say. */
  readonly doctor: string;
  /** 'ready', the reason why not, or '–' where nothing runs that could answer. */
  readonly ready: string;
}

/** The rows of docs/lights.md by what is wrong, in its order. */
export const LIGHTS: ReadonlyMap<string, Light> = new Map(
  readFileSync(join(projectRoot, 'docs/lights.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => {
      const [what, start, doctor, ready] = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('\\|', '|').trim());
      return [what!, { start: start!, doctor: doctor!, ready: ready! }];
    }),
);

/** @throws for a row that the page of documents does not have */
export function lightOf(what: string): Light {
  const light = LIGHTS.get(what);
  if (!light) throw new Error(`docs/lights.md has no row "${what}"`);
  return light;
}

/** Whether a text says what a cell says: word for word, with anything at all for each `…`. */
export function says(text: string, cell: string): boolean {
  const parts = cell.split('…').map((part) => part.trim());
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

/** A finding as docs/lights.md writes it. */
export function lineOf({ what, verdict, detail, setting, advice }: Finding): string {
  return `${verdict}: ${[`${what}: ${detail}`, setting && ` (${setting})`, advice && `; ${advice}`].filter(Boolean).join('')}`;
}

/** Rows that are states of a service that runs: test/expose/states.test.ts walks them. */
export const STATES = [
  'all is well',
  'images are refused (A700)',
  'the queue is away',
  'no classifier can work here',
  'cases wait for a classifier elsewhere',
  'a destination has refused a report for good',
  'the certificate went out of date while it runs',
  'the database went away',
] as const;
