import { createHash } from 'node:crypto';
import { appendAudit } from '../../db/tables/audit.js';
import { ensureDeliveries } from '../../db/tables/deliveries.js';
import { insertReport } from '../../db/tables/reports.js';
import { buildReport } from '../report/build.js';
import { waitForIdentity } from './identity.js';
import { gatherReportInput } from './reportInput.js';
import type { AgentStep } from './types.js';

/** classified -> reported: the Structured Report, stored whole before anybody sends it. */
export const reportStep: AgentStep = async (context, row) => {
  const wait = await waitForIdentity(context, row);
  if (wait) return wait;
  const input = await gatherReportInput(context, row);
  const { file, sopInstanceUid, seriesInstanceUid, sopClassUid } = buildReport(input);
  const predecessorSopInstanceUid = input.predecessor?.sopInstanceUid ?? null;
  const destinations = context.config.route.destinations.map(({ name }) => name);
  return {
    to: 'reported',
    auditDetail: { sopInstanceUid, predecessorSopInstanceUid, destinations },
    save: async (trx) => {
      const { report } = await insertReport(trx, {
        caseId: row.id,
        revision: row.revision,
        sopInstanceUid,
        seriesInstanceUid,
        sopClassUid,
        predecessorSopInstanceUid,
        file,
        fileSha256: createHash('sha256').update(file).digest('hex'),
      });
      await ensureDeliveries(trx, report.id, destinations);
      await appendAudit(trx, {
        event: 'REPORT_BUILT',
        subjectType: 'report',
        subjectId: sopInstanceUid,
        detail: { caseId: row.id, revision: row.revision, sha256: report.fileSha256 },
      });
    },
  };
};
