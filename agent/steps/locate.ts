import type { Tx } from '../../db/server/knex.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { type ChoiceRow, findChoice } from '../../db/tables/choices.js';
import { findLevelDecision } from '../../db/tables/levelDecisions.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertMeasurements } from '../../db/tables/measurements.js';
import { findPairing } from '../../db/tables/pairings.js';
import { findReading, listReadRegions, type ReadingRow, readAgain } from '../../db/tables/readings.js';
import { insertRegions } from '../../db/tables/regions.js';
import { CalcidiscError, type ErrorCode } from '../domain/errors.js';
import { mrCtDoubts, withDoubts } from '../locate/agree.js';
import { renamed } from '../locate/renamed.js';
import type { CtResult, Located, LocateResult } from '../locate/types.js';
import { locatedOf } from '../read/reader.js';
import type { AgentStep } from './types.js';

/**
 * paired -> located: what was found in the series that was chosen becomes the case's own, its discs and their regions;
 * with a CT, its discs and their Hounsfield units. Nothing is computed here: it was, when the series was complete.
 */
export const locateStep: AgentStep = async ({ config, database }, row) => {
  const { knex } = database;
  const [choice, pairing] = await Promise.all([
    findChoice(knex, row.id, row.revision),
    findPairing(knex, row.id, row.revision),
  ]);
  if (!choice) throw new CalcidiscError('INTERNAL', 'no series has been chosen', { caseId: row.id });
  const [found, ct, naming] = await Promise.all([
    located<LocateResult>(knex, choice.readingId),
    pairing?.ctReadingId ? located<CtResult>(knex, pairing.ctReadingId) : null,
    findLevelDecision(knex, choice.readingId),
  ]);
  const mr = naming ? renamed(found, naming) : withDoubts(found, doubtsOf(choice, found, ct));
  return {
    to: 'located',
    auditDetail: { mr: summary(mr), ...(ct ? { ct: summary(ct) } : {}) },
    save: async (trx) => {
      await writeLocalisation(trx, row, mr);
      await writeRegions(trx, row, mr, config.locate.marginMm);
      if (!ct) return;
      await writeLocalisation(trx, row, ct);
      await writeMeasurements(trx, row, ct, config.reference);
    },
  };
};

function doubtsOf(
  { agreement }: ChoiceRow,
  found: Located<LocateResult>,
  ct: Located<CtResult> | null,
): readonly string[] {
  return [...agreement.doubts, ...(ct ? mrCtDoubts(found.result, ct.result) : [])];
}

async function located<R extends LocateResult | CtResult>(tx: Tx, readingId: string): Promise<Located<R>> {
  const reading = await findReading(tx, readingId);
  if (!reading) throw new CalcidiscError('INTERNAL', 'a reading that was chosen is not there', { readingId });
  if (reading.state !== 'done') throw notDone(reading);
  // A CT does without its slice; the regions of an MR are what is classified.
  if (reading.purgedAt && reading.modality === 'MR') {
    await readAgain(tx, readingId);
    throw beingReadAgain(reading);
  }
  return locatedOf<R>(reading, await listReadRegions(tx, readingId));
}

/** Chosen when it was done, and its pictures deleted since. */
function notDone(reading: ReadingRow): CalcidiscError {
  const { state, lastErrorCode, lastError, seriesInstanceUid } = reading;
  if (state !== 'failed') return beingReadAgain(reading);
  return new CalcidiscError((lastErrorCode ?? 'INTERNAL') as ErrorCode, lastError ?? '', {
    seriesInstanceUid,
  });
}

function beingReadAgain({ seriesInstanceUid }: ReadingRow): CalcidiscError {
  return new CalcidiscError(
    'PICTURES_PURGED',
    'the pictures of what was read were deleted by policy (retention.regionsDays): the series is being read again',
    { seriesInstanceUid },
  );
}

function summary({ result, localiser, milliseconds }: Located<LocateResult | CtResult>) {
  const { status, reasons, discs } = result;
  const model = `${localiser.name} ${localiser.version}`;
  return { status, reasons, discs: discs.length, model, milliseconds: Math.round(milliseconds) };
}

async function writeLocalisation(
  trx: Tx,
  row: CaseRow,
  located: Located<LocateResult | CtResult>,
): Promise<void> {
  const { result, localiser } = located;
  await insertLocalisation(trx, {
    caseId: row.id,
    revision: row.revision,
    modality: result.modality,
    seriesInstanceUid: result.seriesInstanceUid,
    status: result.status,
    reasons: result.reasons,
    sliceSopInstanceUid: result.slice?.sopInstanceUid ?? null,
    sliceIndex: result.slice?.index ?? null,
    sliceCount: result.slice?.count ?? null,
    slicePng: located.slicePng,
    pixelSpacingMm: located.pixelSpacingMm,
    sliceGrey: located.sliceGrey ?? null,
    pictureFigures: located.pictureFigures ?? null,
    localiserName: localiser.name,
    localiserVersion: localiser.version,
    localiserSha256: localiser.sha256,
    milliseconds: located.milliseconds,
  });
}

async function writeRegions(
  trx: Tx,
  row: CaseRow,
  mr: Located<LocateResult>,
  marginMm: number,
): Promise<void> {
  const images = new Map(mr.regions.map((region) => [region.level, region]));
  await insertRegions(
    trx,
    mr.result.discs.flatMap(({ level, centrePatientMm, centrePixel, roiPixel, confidence, slice }) => {
      const image = images.get(level);
      if (!image || !mr.result.slice) return [];
      return {
        caseId: row.id,
        revision: row.revision,
        level,
        sopInstanceUid: (slice ?? mr.result.slice).sopInstanceUid,
        frameNumber: (slice ?? mr.result.slice).frameNumber ?? null,
        centrePatientMm,
        centrePixel,
        roiPixel,
        marginMm,
        confidence,
        png: image.png,
        pngSha256: image.sha256,
      };
    }),
  );
}

async function writeMeasurements(
  trx: Tx,
  row: CaseRow,
  ct: Located<CtResult>,
  { huLow, huHigh }: { huLow: number; huHigh: number },
): Promise<void> {
  await insertMeasurements(
    trx,
    ct.result.discs.map((disc) => ({
      caseId: row.id,
      revision: row.revision,
      level: disc.level,
      label: disc.label,
      meanHu: disc.meanHu,
      maxHu: disc.maxHu,
      areaMm2: disc.areaMm2,
      huLow,
      huHigh,
      centrePatientMm: disc.centrePatientMm,
      centrePixel: disc.centrePixel,
      roiPixel: disc.roiPixel,
      confidence: disc.confidence,
    })),
  );
}
