import { join } from 'node:path';
import { CalcidiscError } from '../agent/domain/errors.js';
import { spoolNumber } from '../agent/receive/spoolNumber.js';
import { planPurge, purge } from '../agent/retain/purge.js';
import { planAuditPurge, purgeAudit } from '../agent/retain/purgeAudit.js';
import { planCasePurge, purgeCases } from '../agent/retain/purgeCases.js';
import { trailPlaces } from '../agent/retain/retention.js';
import { LEAST_AUDIT_DAYS } from '../config/retention.js';
import type { OpenedDatabase } from './database.js';

/** What `calcidisc purge --what` takes. */
export const PURGED_KINDS = ['images', 'regions', 'reports', 'audit'] as const;

export type PurgedKind = (typeof PURGED_KINDS)[number];

export interface PurgeAsked {
  /** Instead of what the configuration says. */
  readonly days?: number;
  readonly isDry: boolean;
  /** The site answers for a trail of less than six years. */
  readonly isShortConfirmed: boolean;
  readonly actor: string;
}

export interface PurgeDone {
  /** As JSON says it. */
  readonly done: object;
  readonly words: string;
}

type Purger = (opened: OpenedDatabase, asked: PurgeAsked & { readonly days: number }) => Promise<PurgeDone>;

/** @throws CalcidiscError RETENTION_UNSAID where neither the configuration nor the caller says how long */
export function purgeOf(what: PurgedKind, opened: OpenedDatabase, asked: PurgeAsked): Promise<PurgeDone> {
  const days = asked.days ?? opened.config.retention[`${what}Days`];
  if (days === undefined)
    throw new CalcidiscError(
      'RETENTION_UNSAID',
      `nobody has said how long ${NAMES[what]} are kept: set retention.${what}Days, or say --older-than DAYS`,
    );
  return PURGERS[what](opened, { ...asked, days });
}

const NAMES: Readonly<Record<PurgedKind, string>> = {
  images: 'images',
  regions: 'pictures of what was read',
  reports: 'files of reports',
  audit: 'rows of the trail',
};

const PURGERS: Readonly<Record<PurgedKind, Purger>> = {
  async images({ database, config: { dataDir } }, { days, isDry, actor }) {
    const store = await spoolNumber(join(dataDir, 'spool'));
    const parts = { database, dataDir, store, days, actor };
    const done = await (isDry ? planPurge(parts) : purge(parts));
    const { series, images, bytes, kept } = done;
    const head = `${images} images of ${series} series (${megabytes(bytes)}) older than ${days} days ${verb(isDry)}`;
    return { done, words: inWords(head, kept, 'series') };
  },
  regions: (opened, asked) => ofCases('regions', 'pictures', opened, asked),
  reports: (opened, asked) => ofCases('reports', 'files', opened, asked),
  async audit({ database, config }, { days, isDry, isShortConfirmed, actor }) {
    if (days < LEAST_AUDIT_DAYS && !isShortConfirmed)
      throw new CalcidiscError(
        'OPTIONS_CONTRADICT',
        `${days} days keep the trail for less than six years (${LEAST_AUDIT_DAYS} days): say --below-six-years too, if the site answers for that`,
      );
    const parts = { database, days, actor, ...trailPlaces(config, config.dataDir) };
    const done = await (isDry ? planAuditPurge(parts) : purgeAudit(parts));
    if (!done) return { done: {}, words: 'another process is at it' };
    const { rows, through, file, kept } = done;
    const head =
      `${rows} rows of the trail older than ${days} days ${verb(isDry)}` +
      (file ? `: rows to ${through} are in ${file}; keep it, the trail is whole with it alone` : '');
    return { done, words: inWords(head, kept, 'rows') };
  },
};

async function ofCases(
  what: 'regions' | 'reports',
  pieces: string,
  { database }: OpenedDatabase,
  { days, isDry, actor }: PurgeAsked & { readonly days: number },
): Promise<PurgeDone> {
  const parts = { database, days, actor };
  const done = await (isDry ? planCasePurge(what, parts) : purgeCases(what, parts));
  const head =
    `${done.pieces} ${pieces} of ${done.cases} cases (${megabytes(done.bytes)}) ` +
    `done more than ${days} days ago ${verb(isDry)}`;
  return { done, words: inWords(head, done.kept, 'cases or series') };
}

function inWords(head: string, kept: Readonly<Record<string, number>>, of: string): string {
  return [head, ...Object.entries(kept).map(([why, count]) => `  ${count} ${of} stay: ${why}`)].join('\n');
}

function verb(isDry: boolean): string {
  return isDry ? 'would be deleted' : 'deleted';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
