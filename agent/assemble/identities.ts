import type { Tx } from '../../db/server/knex.js';
import type { AuditEvent } from '../../db/tables/audit.js';
import { correctStudy, findStudy, type NewStudy, type StudyRow } from '../../db/tables/studies.js';
import { ensureIdentity, listIdentities } from '../../db/tables/studyIdentities.js';
import { isOnePerson, samePerson } from '../domain/identity.js';
import type { Written } from './comesAgain.js';
import { identityRow, studyRow } from './indexRows.js';
import type { ReadInstance } from './rows.js';

export interface SettledStudies {
  readonly events: readonly AuditEvent[];
  /** Of which something that a report carries was corrected: in words what. */
  readonly corrected: ReadonlyMap<string, string>;
}

/**
 * Who the images of one batch say their patients are, and what of their studies. A PACS that merges or corrects a
 * patient, an order or a description sends the rest of a study, or all of it again, with other headers. Identities are
 * noted with the images that carry them; what the newest header of an image says of the study counts, but of the
 * patient only where all images of the study name one.
 */
export class BatchStudies {
  readonly #ids = new Map<string, { readonly id: string; readonly isSame: boolean }>();
  /** Studies some image of which names another patient than the study. */
  readonly #doubtful = new Map<string, { latest: ReadInstance; isNew: boolean; instances: number }>();

  constructor(private readonly trx: Tx) {}

  /** @returns the id of how this image names its patient */
  async note(instance: ReadInstance, study: StudyRow): Promise<string> {
    const identity = identityRow(instance);
    const key = JSON.stringify([instance.studyInstanceUid, identity]);
    let known = this.#ids.get(key);
    let isNew = false;
    if (known === undefined) {
      const ensured = await ensureIdentity(this.trx, instance.studyInstanceUid, identity);
      known = { id: ensured.id, isSame: samePerson(identity, study) };
      isNew = ensured.created;
      this.#ids.set(key, known);
    }
    if (!known.isSame) this.#doubt(instance, isNew);
    return known.id;
  }

  #doubt(latest: ReadInstance, isNew: boolean): void {
    const { studyInstanceUid } = latest;
    const known = this.#doubtful.get(studyInstanceUid);
    const instances = (known?.instances ?? 0) + 1;
    this.#doubtful.set(studyInstanceUid, { latest, isNew: isNew || (known?.isNew ?? false), instances });
  }

  /** After the images are written: takes over what counts now. The events are for the trail, which comes last. */
  async settle(written: readonly Written[]): Promise<SettledStudies> {
    const changed = latestChanges(written);
    const events: AuditEvent[] = [];
    const corrected = new Map<string, string>();
    for (const studyInstanceUid of new Set([...this.#doubtful.keys(), ...changed.keys()])) {
      const doubt = this.#doubtful.get(studyInstanceUid);
      const latest = changed.get(studyInstanceUid) ?? doubt!.latest;
      const about = {
        subjectType: 'study',
        subjectId: studyInstanceUid,
        actor: `ae:${latest.file.callingAe}`,
      };
      const carried = await listIdentities(this.trx, studyInstanceUid);
      if (doubt?.isNew) {
        const detail = { instances: doubt.instances, identities: carried.length };
        events.push({ event: 'IDENTITY_DIFFERS', ...about, detail });
      }
      const study = (await findStudy(this.trx, studyInstanceUid))!;
      const isOne = isOnePerson(carried) && carried.length > 0;
      const isAnother = isOne && !samePerson(carried[0]!, study);
      if (!isAnother && !changed.has(studyInstanceUid)) continue;
      const words = await this.#correct(study, studyRow(latest), isOne);
      if (words.length === 0) continue;
      corrected.set(studyInstanceUid, words.join(', '));
      const instances = carried.reduce(sum, 0);
      events.push(
        isAnother
          ? { event: 'IDENTITY_CORRECTED', ...about, detail: { instances } }
          : { event: 'STUDY_CORRECTED', ...about, detail: { what: words } },
      );
    }
    return { events, corrected };
  }

  /** @returns what is written otherwise now, in words */
  async #correct(study: StudyRow, said: NewStudy, withPatient: boolean): Promise<string[]> {
    const keys = withPatient ? [...PATIENT_KEYS, ...STUDY_KEYS] : STUDY_KEYS;
    // What the newest header leaves out is not unsaid by it.
    const changed = keys.filter((key) => (said[key] ?? '') !== '' && said[key] !== study[key]);
    if (changed.length === 0) return [];
    const { studyInstanceUid } = study;
    const values = Object.fromEntries(changed.map((key) => [key, said[key]]));
    await correctStudy(this.trx, { studyInstanceUid, ...values });
    return [...new Set(changed.map((key) => WORDS[key]))];
  }
}

const WORDS = {
  patientId: 'patient',
  issuerOfPatientId: 'patient',
  patientName: 'patient',
  patientBirthDate: 'patient',
  patientSex: 'patient',
  studyId: 'study ID',
  accessionNumber: 'accession number',
  studyDate: 'study date',
  studyTime: 'study time',
  studyDescription: 'study description',
  referringPhysicianName: 'referring physician',
} as const satisfies Partial<Record<keyof StudyRow, string>>;

type CorrectedKey = keyof typeof WORDS;

const [PATIENT_KEYS, STUDY_KEYS] = [true, false].map((isPatient) =>
  (Object.keys(WORDS) as CorrectedKey[]).filter((key) => (WORDS[key] === 'patient') === isPatient),
) as [CorrectedKey[], CorrectedKey[]];

/** Of each study the last image that came again with something else that a report carries. */
function latestChanges(written: readonly Written[]): Map<string, ReadInstance> {
  const latest = new Map<string, ReadInstance>();
  for (const { instance, change, movedFrom } of written) {
    if (!change || (change.report.length === 0 && movedFrom === null)) continue;
    const known = latest.get(instance.studyInstanceUid);
    if (!known || known.file.receivedAt <= instance.file.receivedAt)
      latest.set(instance.studyInstanceUid, instance);
  }
  return latest;
}

const sum = (total: number, { instances }: { readonly instances: number }) => total + instances;
