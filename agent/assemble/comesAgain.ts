import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Tx } from '../../db/server/knex.js';
import {
  findBefore,
  type InsertOutcome,
  type InstanceRow,
  moveInstance,
  type NewInstance,
  putInstance,
  replaceInstance,
  unpurgeInstance,
} from '../../db/tables/instances.js';
import { findStore } from '../../db/tables/stores.js';
import type { Files } from '../holders/files.js';
import type { ReadInstance } from './rows.js';
import { type HeaderChange, headerChange } from './sameImage.js';
import { storePathAgain } from './spoolPaths.js';

export interface Written {
  readonly instance: ReadInstance;
  /** 'reheadered': the image that was here has another header now, and this file has taken its place. */
  readonly outcome: InsertOutcome | 'reheadered';
  /** Where the file belongs, relative to the data folder. */
  readonly spoolPath: string;
  readonly change: HeaderChange | null;
  /** The series it was in, when it names another one now. */
  readonly movedFrom: string | null;
  /** The very same file lies with another agent, which is there. */
  readonly isElsewhere: boolean;
}

interface AgainContext {
  readonly dataDir: string;
  readonly store?: number;
  readonly files?: Files;
  readonly log: Logger;
}

export function inserted(instance: ReadInstance, { spoolPath }: NewInstance): Written {
  return { instance, outcome: 'inserted', spoolPath, change: null, movedFrom: null, isElsewhere: false };
}

/**
 * What comes under a SOP Instance UID that is here: the same object again, the same image with another header, or
 * another object. The newer header counts; the older is kept (instance_before).

 * Of an image that lies with another agent, the same file counts from now on when that agent is away.
 * @param written of this batch: what is here may have come in it, and lie where it arrived
 */
export async function writeAgain(
  trx: Tx,
  context: AgainContext,
  written: readonly Written[],
  instance: ReadInstance,
  row: NewInstance,
): Promise<Written> {
  const { outcome, kept } = await putInstance(trx, row);
  const as = (what: Written['outcome'], spoolPath: string, change: HeaderChange | null = null): Written => ({
    instance,
    outcome: what,
    spoolPath,
    change,
    movedFrom: null,
    isElsewhere: false,
  });
  const isForeign = kept.store !== null && kept.store !== row.store;
  if (outcome !== 'conflict') {
    if (kept.purgedAt !== null) await unpurgeInstance(trx, row);
    if (kept.purgedAt !== null) return as(outcome, row.spoolPath);
    if (!isForeign) return as(outcome, kept.spoolPath);
    const holder = await findStore(trx, kept.store!);
    if (holder?.isOpen) return { ...as(outcome, kept.spoolPath), isElsewhere: true };
    await moveInstance(trx, row);
    return as(outcome, row.spoolPath);
  }
  const before = await findBefore(trx, row);
  if (before) return as('duplicate', before.spoolPath);
  const change = await changeOf(context, kept, written, instance);
  if (!change) return as('conflict', kept.spoolPath);
  if (change.isNone) return as('duplicate', kept.spoolPath);
  const spoolPath = storePathAgain(instance.sopInstanceUid, instance.datasetSha256, row.receivedAt);
  await replaceInstance(trx, kept, { ...row, spoolPath });
  const isMoved = kept.seriesInstanceUid !== row.seriesInstanceUid;
  return { ...as('reheadered', spoolPath, change), movedFrom: isMoved ? kept.seriesInstanceUid : null };
}

/** Of what lies with an agent that is away nobody can say whether it is the same image: null, as of another one. */
async function changeOf(
  { dataDir, store, files, log }: AgainContext,
  kept: InstanceRow,
  written: readonly Written[],
  { file, sopInstanceUid }: ReadInstance,
): Promise<HeaderChange | null> {
  if (!files || (kept.purgedAt === null && (kept.store === null || kept.store === store)))
    return headerChange(pathOf(kept, dataDir, written), file.path);
  return files
    .using([kept], ([path]) => headerChange(path!, file.path))
    .catch((error: Error) => {
      log.error({ sopInstanceUid, reason: error.message }, 'an image came again and cannot be compared');
      return null;
    });
}

function pathOf(kept: InstanceRow, dataDir: string, written: readonly Written[]): string {
  const here = written.find(
    (each) => each.instance.sopInstanceUid === kept.sopInstanceUid && each.spoolPath === kept.spoolPath,
  );
  return here?.instance.file.path ?? join(dataDir, kept.spoolPath);
}

/** A change that the index, the report or the reading rests on: the rest of it is waited for, and looked at again. */
export function isNews({ outcome, change, movedFrom }: Written): boolean {
  if (outcome === 'inserted') return true;
  return outcome === 'reheadered' && (movedFrom !== null || change!.report.length + change!.image.length > 0);
}
