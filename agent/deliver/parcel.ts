import { type Destination, type Form, formsOf } from '../../config/destinations.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { ListedDelivery } from '../../db/tables/deliveries.js';
import { findLocalisation } from '../../db/tables/localisations.js';
import { findReportObject, insertReportObject, packObject } from '../../db/tables/reportObjects.js';
import { findReportByUid, type ReportRow } from '../../db/tables/reports.js';
import { findResult, type Route } from '../../db/tables/results.js';
import { CalcidiscError } from '../domain/errors.js';
import { sha256 } from '../domain/hash.js';
import type { SliceGrey } from '../domain/sliceGrey.js';
import type { CaptureSlice } from '../report/capturePicture.js';
import { isObjectForm, OBJECT_FORMS, type ObjectForm } from '../report/forms.js';
import { inputFrom, type StoredInput } from '../report/stored.js';
import type { ReportInput } from '../report/types.js';
import type { Item } from './channel.js';
import { channelOf } from './channels/index.js';
import type { Told } from './told.js';

type Knex = Pick<Database, 'knex'>['knex'];

/** The forms that a destination is to have of a report: as it was decided, else by its own setting. */
export function wantedForms(destination: Destination, route: Route | null): readonly Form[] {
  const send = route?.sends.find((each) => each.destination === destination.name);
  const own = formsOf(destination);
  return send ? own.filter((form) => send.forms.includes(form)) : own;
}

export interface Parcel {
  readonly report: ReportRow;
  readonly route: Route | null;
  readonly delivery: ListedDelivery;
  readonly destination: Destination;
}

/**
 * What a destination lacks of a report, in the order in which it goes out: first what stands written, then what has to be
 * drawn, so that nobody waits for a picture to have the answer.
 */
export function lackingRounds({ route, delivery, destination }: Parcel): readonly (readonly Form[])[] {
  const lacking = wantedForms(destination, route).filter((form) => !delivery.forms.includes(form));
  const rounds = [lacking.filter((form) => !isObjectForm(form)), lacking.filter(isObjectForm)];
  return rounds.filter((forms) => forms.length > 0);
}

/**
 * These forms of a report, each as it goes out.
 * @throws CalcidiscError REPORT_INVALID for a message about a report of which no more than the SR is kept,
 * REPORT_PURGED, TEMPLATE_INVALID
 */
export async function itemsFor(knex: Knex, parcel: Parcel, forms: readonly Form[]): Promise<readonly Item[]> {
  const { report } = parcel;
  const items: Item[] = [];
  for (const form of forms) {
    if (form === 'sr') items.push(reportItem(report));
    else if (isObjectForm(form)) items.push(...(await objectItem(knex, report, form)));
    else items.push(await messageItem(knex, parcel));
  }
  return items;
}

function reportItem({ sopInstanceUid, file }: ReportRow): Item {
  return { form: 'sr', bytes: kept(file, sopInstanceUid), id: sopInstanceUid };
}

/** @throws CalcidiscError REPORT_PURGED */
function kept(file: Uint8Array | null, sopInstanceUid: string): Uint8Array {
  if (file) return file;
  throw new CalcidiscError(
    'REPORT_PURGED',
    'its file was deleted by policy (retention.reportsDays): it cannot be sent any more',
    { sopInstanceUid },
  );
}

/** None of a report of an older version, of which the SR alone is kept. */
async function objectItem(knex: Knex, report: ReportRow, form: ObjectForm): Promise<Item[]> {
  const found = (await findReportObject(knex, report.id, form)) ?? (await madeOnce(knex, report, form));
  if (!found) return [];
  const { file, sopInstanceUid } = found;
  return [{ form, bytes: kept(file, sopInstanceUid), id: sopInstanceUid }];
}

async function messageItem(knex: Knex, { report, route, destination }: Parcel): Promise<Item> {
  const told = await toldOf(knex, report, route, null);
  const item = told && (await channelOf(destination).compose?.(told, destination));
  if (item) return item;
  throw new CalcidiscError(
    'REPORT_INVALID',
    'an older version made this report and kept the SR alone: no message can be written of it',
    { sopInstanceUid: report.sopInstanceUid },
  );
}

/** @param withdrawn why it is taken back; null: it stands. @returns null when only the SR is kept */
export async function toldOf(
  knex: Knex,
  report: ReportRow,
  route: Pick<Route, 'urgency'> | null,
  withdrawn: string | null,
): Promise<Told | null> {
  const input = await inputOf(knex, report.id);
  if (!input) return null;
  const before = input.predecessor && (await findReportByUid(knex, input.predecessor.sopInstanceUid));
  const previous = before ? await inputOf(knex, before.id) : null;
  return { input, urgency: route?.urgency ?? 'routine', previous, withdrawn };
}

async function inputOf(knex: Knex, reportId: string): Promise<ReportInput | null> {
  const result = await findResult(knex, reportId);
  return result && inputFrom(result.input as StoredInput);
}

/** Those that are being made: destinations that are served side by side wait for one of it. */
const underWay = new Map<string, ReturnType<typeof makeForm>>();

/** Made when the first destination is to have it, and kept before it is sent for the first time. */
function madeOnce(knex: Knex, report: ReportRow, form: ObjectForm): ReturnType<typeof makeForm> {
  const key = `${report.id} ${form}`;
  const known = underWay.get(key);
  if (known) return known;
  const making = makeForm(knex, report, form).finally(() => underWay.delete(key));
  underWay.set(key, making);
  return making;
}

async function makeForm(knex: Knex, report: ReportRow, form: ObjectForm) {
  const input = await inputOf(knex, report.id);
  if (!input) return null;
  const localisation = await findLocalisation(knex, report.caseId, report.revision, 'MR');
  const built = await OBJECT_FORMS[form].build(input, sliceOf(localisation));
  if (!built) return null;
  const fileSha256 = sha256(built.file);
  const packed = await packObject({ form, ...built, fileSha256 });
  const isOurs = await knex.transaction(async (trx) => {
    if (!(await insertReportObject(trx, report.id, packed))) return false;
    const { caseId, revision, sopInstanceUid: reportUid } = report;
    await appendAudit(trx, {
      event: 'REPORT_FORM_BUILT',
      subjectType: 'report',
      subjectId: reportUid,
      detail: { caseId, revision, form, sopInstanceUid: built.sopInstanceUid, sha256: fileSha256 },
    });
    return true;
  });
  // Another process may have been quicker: what it kept is what goes out.
  return isOurs ? built : findReportObject(knex, report.id, form);
}

/** The slice that was read, as it was stored. */
export function sliceOf(
  localisation: {
    readonly slicePng: Uint8Array | null;
    readonly pixelSpacingMm: readonly [number, number] | null;
    readonly sliceGrey?: SliceGrey | null;
  } | null,
): CaptureSlice | null {
  const { slicePng: png, pixelSpacingMm, sliceGrey: grey = null } = localisation ?? {};
  return png && pixelSpacingMm ? { png, pixelSpacingMm, grey } : null;
}
