import type { CaseState } from '../../agent/domain/caseStates.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/** What an export asks of a case's current revision. Holds identifiers: nothing of it may be written out as it is. */
export interface ResearchCase {
  readonly caseId: string;
  readonly state: CaseState;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  /** 'YYYY-MM-DD' */
  readonly patientBirthDate: string | null;
  readonly patientSex: string;
  readonly mrStudyInstanceUid: string;
  readonly mrSeriesInstanceUid: string;
  readonly mrDate: string | null;
  readonly ctDate: string | null;
  readonly pairingOutcome: string | null;
  readonly mrStatus: LocateStatus | null;
  readonly ctStatus: LocateStatus | null;
  /** 'localiser 1' */
  readonly localiser: string | null;
  readonly isOptedOut: boolean;
}

/** Acquisition dates of the MR, 'YYYY-MM-DD', both included. */
export interface DateRange {
  readonly since?: string;
  readonly until?: string;
}

export async function listResearchCases(tx: Tx, { since, until }: DateRange): Promise<ResearchCase[]> {
  const { rows } = await tx.raw(
    `SELECT c.id AS case_id, c.state, s.patient_id, s.issuer_of_patient_id, s.patient_birth_date, s.patient_sex,
            c.mr_study_instance_uid, c.mr_series_instance_uid,
            coalesce(p.mr_acquisition_date, mr.acquisition_date) AS mr_date, p.ct_acquisition_date AS ct_date,
            p.outcome AS pairing_outcome, l.status AS mr_status, lct.status AS ct_status,
            l.localiser_name || ' ' || l.localiser_version AS localiser,
            -- Under any id that its images ever had: a merge in the PACS must not undo an opt-out.
            EXISTS (SELECT FROM research_opt_out o WHERE o.patient_id = s.patient_id OR o.patient_id IN (
              SELECT i.patient_id FROM study_identity i WHERE i.study_instance_uid = s.study_instance_uid))
              AS is_opted_out
       FROM "case" c
       JOIN study s ON s.study_instance_uid = c.mr_study_instance_uid
       JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
       LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
       LEFT JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
       LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
      WHERE c.joined_into IS NULL
        AND (:since::date IS NULL OR mr.acquisition_date >= :since::date)
        AND (:until::date IS NULL OR mr.acquisition_date <= :until::date)
      ORDER BY c.id`,
    { since: since ?? null, until: until ?? null },
  );
  return rows;
}

/** An automatic region of a case's current revision, with what its CT said of the disc. */
export interface ResearchDisc {
  readonly caseId: string;
  readonly level: Level;
  readonly regionId: string | null;
  readonly pngSha256: string | null;
  /** Its picture was deleted by policy. */
  readonly isPurged: boolean;
  readonly marginMm: number | null;
  readonly label: CtLabel | null;
  readonly meanHu: number | null;
  readonly maxHu: number | null;
  readonly areaMm2: number | null;
  readonly huLow: number | null;
  readonly huHigh: number | null;
}

/** Of all cases; without pictures. */
export async function listResearchDiscs(tx: Tx): Promise<ResearchDisc[]> {
  const { rows } = await tx.raw(
    `SELECT coalesce(r.case_id, m.case_id) AS case_id, coalesce(r.level, m.level) AS level,
            r.id AS region_id, r.png_sha256, r.margin_mm,
            r.id IS NOT NULL AND r.png IS NULL AS is_purged,
            m.label, m.mean_hu, m.max_hu, m.area_mm2, m.hu_low, m.hu_high
       FROM (SELECT d.* FROM disc_region d JOIN "case" c ON c.id = d.case_id AND c.revision = d.revision) r
       FULL JOIN (SELECT x.* FROM ct_measurement x JOIN "case" c ON c.id = x.case_id AND c.revision = x.revision) m
         ON m.case_id = r.case_id AND m.level = r.level
      ORDER BY 1, ${levelOrder('coalesce(r.level, m.level)')}`,
  );
  return rows;
}

/** @returns null when there is no such region */
export async function readRegionPng(
  tx: Tx,
  table: 'discRegion' | 'readerRegion',
  id: string,
): Promise<Uint8Array | null> {
  return (await tx(table).where({ id }).first('png'))?.png ?? null;
}

export interface ResearchAnswer {
  readonly discRegionId: string;
  /** 'resnet34@1' */
  readonly model: string;
  readonly probability: number;
}

/** What every model, active or shadow, has said of these regions. */
export async function listResearchAnswers(
  tx: Tx,
  discRegionIds: readonly string[],
): Promise<ResearchAnswer[]> {
  const { rows } = await tx.raw(
    `SELECT i.disc_region_id, m.name || '@' || m.version AS model, i.probability
       FROM inference i JOIN model m ON m.id = i.model_id
      WHERE i.disc_region_id = ANY(?::uuid[]) ORDER BY model, i.disc_region_id`,
    [[...discRegionIds]],
  );
  return rows;
}
