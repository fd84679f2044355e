import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { correctStudy, findStudy } from '../../db/tables/studies.js';
import { ensureIdentity, listIdentities } from '../../db/tables/studyIdentities.js';
import { isOnePerson, samePerson } from '../domain/identity.js';
import { identityRow, studyRow } from './indexRows.js';
import type { ReadInstance } from './rows.js';

/**
 * Who the images of one batch say their patients are. A PACS that merges or corrects a patient sends the rest of a
 * study, or all of it again, under another identity: both are noted with the images that carry them, and a study
 * whose images all name another patient than before is that patient's from then on.
 */
export class BatchIdentities {
  readonly #ids = new Map<string, string>();
  /** Studies some image of which names another patient than the study. */
  readonly #doubtful = new Map<string, { latest: ReadInstance; isNew: boolean; instances: number }>();

  constructor(private readonly trx: Tx) {}

  /** @returns the id of how this image names its patient */
  async note(instance: ReadInstance, study: Parameters<typeof samePerson>[0]): Promise<string> {
    const identity = identityRow(instance);
    const key = JSON.stringify([instance.studyInstanceUid, identity]);
    let id = this.#ids.get(key);
    let isNew = false;
    if (id === undefined) {
      const ensured = await ensureIdentity(this.trx, instance.studyInstanceUid, identity);
      ({ id, created: isNew } = ensured);
      this.#ids.set(key, id);
    }
    if (!samePerson(identity, study)) this.#doubt(instance, isNew);
    return id;
  }

  #doubt(latest: ReadInstance, isNew: boolean): void {
    const { studyInstanceUid } = latest;
    const known = this.#doubtful.get(studyInstanceUid);
    const instances = (known?.instances ?? 0) + 1;
    this.#doubtful.set(studyInstanceUid, { latest, isNew: isNew || (known?.isNew ?? false), instances });
  }

  /** After the images are written: takes a consistent new identity over, and says on the trail what came. */
  async settle(): Promise<void> {
    const events: Parameters<typeof appendAudit>[1][] = [];
    for (const [studyInstanceUid, { latest, isNew, instances }] of this.#doubtful) {
      const about = {
        subjectType: 'study',
        subjectId: studyInstanceUid,
        actor: `ae:${latest.file.callingAe}`,
      };
      const carried = await listIdentities(this.trx, studyInstanceUid);
      const study = await findStudy(this.trx, studyInstanceUid);
      if (isNew)
        events.push({
          event: 'IDENTITY_DIFFERS',
          ...about,
          detail: { instances, identities: carried.length },
        });
      const isSettled = isOnePerson(carried) && carried.length > 0;
      if (!isSettled || !study || samePerson(carried[0]!, study)) continue;
      await correctStudy(this.trx, studyRow(latest));
      events.push({ event: 'IDENTITY_CORRECTED', ...about, detail: { instances: carried.reduce(sum, 0) } });
    }
    for (const event of events) await appendAudit(this.trx, event);
  }
}

const sum = (total: number, { instances }: { readonly instances: number }) => total + instances;
