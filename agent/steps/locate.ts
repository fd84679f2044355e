import { join } from 'node:path';
import type { Tx } from '../../db/server/knex.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertMeasurements } from '../../db/tables/measurements.js';
import { findPairing } from '../../db/tables/pairings.js';
import { insertRegions } from '../../db/tables/regions.js';
import { mrCtDoubts, withDoubts } from '../locate/agree.js';
import type { CtResult, Located, LocateResult } from '../locate/types.js';
import type { AgentStep, StepContext } from './types.js';

/** paired -> located: the MR's discs and their regions; with a CT, its discs and their Hounsfield units. */
export const locateStep: AgentStep = async (context, row) => {
  const pairing = await findPairing(context.database.knex, row.id, row.revision);
  const ctSeries = pairing?.ctSeriesInstanceUid ?? null;
  const [found, ct] = await Promise.all([
    files(context, row.mrSeriesInstanceUid).then((paths) => context.locator.locateMr(paths)),
    ctSeries === null ? null : files(context, ctSeries).then((paths) => context.locator.measureCt(paths)),
  ]);
  const mr = ct ? withDoubts(found, mrCtDoubts(found.result, ct.result)) : found;
  return {
    to: 'located',
    auditDetail: { mr: summary(mr), ...(ct ? { ct: summary(ct) } : {}) },
    save: async (trx) => {
      await writeLocalisation(trx, row, mr);
      await writeRegions(trx, row, mr, context.config.locate.marginMm);
      if (!ct) return;
      await writeLocalisation(trx, row, ct);
      await writeMeasurements(trx, row, ct, context.config.reference);
    },
  };
};

async function files({ database, config }: StepContext, seriesInstanceUid: string): Promise<string[]> {
  const instances = await listInstances(database.knex, seriesInstanceUid);
  return instances.map(({ spoolPath }) => join(config.dataDir, spoolPath));
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
