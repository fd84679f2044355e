import { type Destination, type Form, formsOf } from '../../config/destinations.js';
import type { Database } from '../../db/server/database.js';
import type { ListedDelivery } from '../../db/tables/deliveries.js';
import { findLocalisation } from '../../db/tables/localisations.js';
import {
  findReportObject,
  insertReportObject,
  type PackedObject,
  packObject,
} from '../../db/tables/reportObjects.js';
import type { ReportRow } from '../../db/tables/reports.js';
import { findResult, type Route } from '../../db/tables/results.js';
import { sha256 } from '../domain/hash.js';
import { buildCapture } from '../report/capture.js';
import type { CaptureSlice } from '../report/capturePicture.js';
import { inputFrom, type StoredInput } from '../report/stored.js';
import type { ReportInput } from '../report/types.js';
import type { Item } from './channel.js';

type Knex = Pick<Database, 'knex'>['knex'];

/** The forms that a destination is to have of a report: as it was decided, else by its own setting. */
export function wantedForms(destination: Destination, route: Route | null): readonly Form[] {
  const send = route?.sends.find((each) => each.destination === destination.name);
  const own = formsOf(destination);
  return send ? own.filter((form) => send.forms.includes(form)) : own;
}

/** The picture of a report, packed to be kept with it. */
export async function packedCapture(input: ReportInput, slice: CaptureSlice | null): Promise<PackedObject> {
  const { file, ...uids } = await buildCapture(input, slice);
  return packObject({ form: 'sc', ...uids, file, fileSha256: sha256(file) });
}

/** What a destination lacks of a report, each as it goes out; a form that cannot be made any more is left out. */
export async function itemsFor(
  knex: Knex,
  report: ReportRow,
  delivery: ListedDelivery,
  wanted: readonly Form[],
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (const form of wanted.filter((each) => !delivery.forms.includes(each))) {
    const item = form === 'sr' ? reportItem(report) : await captureItem(knex, report);
    if (item) items.push(item);
  }
  return items;
}

function reportItem({ sopInstanceUid, file }: ReportRow): Item {
  return { form: 'sr', bytes: file, id: sopInstanceUid };
}

async function captureItem(knex: Knex, report: ReportRow): Promise<Item | null> {
  const kept = (await findReportObject(knex, report.id, 'sc')) ?? (await makeCapture(knex, report));
  return kept && { form: 'sc', bytes: kept.file, id: kept.sopInstanceUid };
}

/** Of a report that was silent, or went where nobody wanted pictures; kept before it is sent for the first time. */
async function makeCapture(knex: Knex, report: ReportRow) {
  const result = await findResult(knex, report.id);
  // A report of an older version has no record of what it says.
  if (!result) return null;
  const input = inputFrom(result.input as StoredInput);
  const localisation = await findLocalisation(knex, report.caseId, report.revision, 'MR');
  await insertReportObject(knex, report.id, await packedCapture(input, sliceOf(localisation)));
  return findReportObject(knex, report.id, 'sc');
}

/** The slice that was read, as it was stored. */
export function sliceOf(
  localisation: {
    readonly slicePng: Uint8Array | null;
    readonly pixelSpacingMm: readonly [number, number] | null;
  } | null,
): CaptureSlice | null {
  const { slicePng: png, pixelSpacingMm } = localisation ?? {};
  return png && pixelSpacingMm ? { png, pixelSpacingMm } : null;
}
