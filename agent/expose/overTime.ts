import type { Tx } from '../../db/server/knex.js';
import type { CaseView } from '../../db/views/caseView.js';
import { listCasesUnderPatientId } from '../../db/views/patientCases.js';
import { samePerson } from '../domain/identity.js';
import type { OverTime } from './pages/overTime.js';

const MOST_STUDIES = 24;

/** The studies of one patient: the same ID is not yet the same person. */
export async function overTimeOf(tx: Tx, { case: row, study }: CaseView): Promise<OverTime> {
  const found = await listCasesUnderPatientId(tx, study.patientId, MOST_STUDIES + 1);
  const read = found.slice(-MOST_STUDIES);
  const cases = read.filter((each) => each.id === row.id || samePerson(each, study));
  return {
    caseId: row.id,
    cases,
    others: read.length - cases.length,
    isCut: found.length > MOST_STUDIES,
  };
}
