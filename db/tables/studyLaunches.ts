import type { Tx } from '../server/knex.js';

/** A link by which another system opens one study for somebody; kept by the SHA-256 of the token in it. */
export interface StudyLaunchRow {
  readonly tokenHash: string;
  readonly studyInstanceUid: string;
  /** The program that asked for it, by the name of its token. */
  readonly madeBy: string;
  /** For whom, by that program's word; '' for nobody. */
  readonly person: string;
  readonly expiresAt: Date;
}

/** What has expired goes with it. */
export async function insertLaunch(trx: Tx, launch: StudyLaunchRow): Promise<void> {
  await trx('studyLaunch').where('expiresAt', '<=', trx.fn.now()).delete();
  await trx('studyLaunch').insert(launch);
}

/** Takes it out of the world: of two who come with the same link, one is given it. */
export async function takeLaunch(trx: Tx, tokenHash: string): Promise<StudyLaunchRow | null> {
  const [row] = await trx('studyLaunch')
    .where({ tokenHash })
    .where('expiresAt', '>', trx.fn.now())
    .delete()
    .returning('*');
  return row ?? null;
}
