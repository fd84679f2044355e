import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Tx } from '../../db/server/knex.js';
import { activationHistory, changeModel, listModels, type ModelRow } from '../../db/tables/models.js';
import { compareVersions } from './card.js';
import { locateModelFile, type ModelFolders } from './modelFiles.js';

/** What decides on a fresh installation: the network the study chose. */
export const DEFAULT_CLASSIFIER = 'resnet34';

/** How the trail begins to say that nobody chose. */
const BY_DEFAULT = 'the default';

/**
 * Where nobody has ever chosen, the default classifier decides: the newest that ships, also when a later version of
 * Calcidisc brings another one. What a person has chosen stays, and is said when it is gone.
 */
export async function settleDefault(tx: Tx, folders: ModelFolders, log: Logger): Promise<void> {
  const classifiers = await listModels(tx, { kind: 'classifier' });
  const active = classifiers.find(({ state }) => state === 'active');
  const newest = latestOf(
    classifiers.filter((row) => row.name === DEFAULT_CLASSIFIER && ships(row, folders)),
  );
  const history = await activationHistory(tx);
  if (newest && !active && history.length === 0) {
    await changeModel(tx, {
      id: newest.id,
      to: 'active',
      detail: { reason: `${BY_DEFAULT}: none was active` },
    });
    log.info({ model: newest.name, version: newest.version }, 'classifier activated by default');
  } else if (newest && active && isSuccessor(newest, active) && isByDefault(active, history)) {
    const reason = `${BY_DEFAULT}: the successor of ${nameOf(active)}, which nobody had chosen`;
    await changeModel(tx, { id: newest.id, to: 'active', detail: { reason } });
    log.warn(
      { from: nameOf(active), to: nameOf(newest) },
      'the default classifier has moved to its successor',
    );
  } else {
    const missing = missingClassifier(active, classifiers, folders);
    if (missing) log.error(`no classifier can work: cases wait. ${missing}`);
  }
}

/**
 * Why nothing can be classified, with the command that mends it.
 * @returns null when the active classifier's file is on this host
 */
export function missingClassifier(
  active: ModelRow | undefined,
  classifiers: readonly ModelRow[],
  folders: ModelFolders,
): string | null {
  if (active && locateModelFile(folders, active.path) !== null) return null;
  const usable = latestOf(
    classifiers.filter(
      ({ name, path }) => name === (active?.name ?? name) && locateModelFile(folders, path) !== null,
    ),
  );
  const mend = usable
    ? `calcidisc model activate ${nameOf(usable)}`
    : 'calcidisc model add FOLDER, then activate';
  if (!active) return `none is active: ${mend}`;
  return `${nameOf(active)} is active, but ${active.path} is not on this host: put it back, or ${mend}`;
}

export function latestOf(rows: readonly ModelRow[]): ModelRow | undefined {
  return rows.toSorted((a, b) => compareVersions(a.version, b.version)).at(-1);
}

/** What a person added is theirs to activate; the last folder holds what this version brings. */
function ships({ path }: ModelRow, folders: ModelFolders): boolean {
  return existsSync(join(folders.at(-1)!, path));
}

function isSuccessor(newest: ModelRow, active: ModelRow): boolean {
  return newest.name === active.name && compareVersions(newest.version, active.version) > 0;
}

function isByDefault({ id }: ModelRow, history: Awaited<ReturnType<typeof activationHistory>>): boolean {
  const last = history.find((each) => each.id === id);
  // A person's reason may begin with the same words.
  return (last?.actor.startsWith('process:') && last.reason?.startsWith(BY_DEFAULT)) ?? false;
}

function nameOf({ name, version }: ModelRow): string {
  return `${name}@${version}`;
}
