import type { Config } from '../../config/schema.js';
import type { Tx } from '../../db/server/knex.js';
import { reviseCase } from '../../db/tables/cases.js';
import { sendAgain } from '../../db/tables/sendAgain.js';
import type { CaseView } from '../../db/views/caseView.js';
import { withdraw } from '../deliver/withdraw.js';
import type { Right } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import { isOnePerson } from '../domain/identity.js';
import { isLevel, LEVELS } from '../domain/levels.js';
import { sayIdentity } from '../pair/decide.js';
import { sayLevels } from '../read/decideLevels.js';
import { REJECTIONS, type RejectionReason } from '../report/rejectionNote.js';

/** What a person has a case do, and why. */
export interface CaseOrder {
  readonly caseId: string;
  readonly reason: string;
  readonly actor: string;
  /** Of `withdraw`: for rejection notes. */
  readonly because: RejectionReason;
  /** Of `levels`: a disc as it is drawn and what it is; both empty where they are as drawn. */
  readonly drawn: string;
  readonly level: string;
}

interface CaseAction {
  readonly wants: Right;
  /** On its button. */
  readonly words: string;
  readonly explained: string;
  /** Whether there is anything to do at the moment; what is refused for other causes is said by `run`. */
  readonly isOffered: (view: CaseView) => boolean;
  readonly run: (trx: Tx, config: Pick<Config, 'route'>, order: CaseOrder) => Promise<unknown>;
}

const isHeldBack = ({ pairing }: CaseView) =>
  pairing?.candidates.some(({ verdict }) => verdict === 'identity-differs') ?? false;
const isContradictory = ({ identities }: CaseView) => !isOnePerson(identities);
const drawnIn = ({ regions }: CaseView) =>
  LEVELS.filter((level) => regions.some((each) => each.level === level));

/** The same functions as `calcidisc case`: one table of what the page offers, to whom and when. */
export const CASE_ACTIONS = {
  retry: {
    wants: 'operate',
    words: 'Send again, go on',
    explained: 'a parked case, or a notice that was refused, goes on where it stopped',
    isOffered: ({ case: row, notices }) =>
      row.state === 'parked' || notices.some(({ state }) => state === 'parked'),
    run: resume,
  },
  rerun: {
    wants: 'operate',
    words: 'Read anew',
    explained: 'the study goes through once more from the first step, as its next revision',
    isOffered: ({ case: row }) => ['delivered', 'reported', 'parked', 'closed'].includes(row.state),
    run: async (trx, _config, { caseId: id, reason, actor }) => {
      const revised = await reviseCase(trx, { id, reason: `read anew: ${reason}`, actor });
      if (!revised) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${id}`);
    },
  },
  withdraw: {
    wants: 'judge',
    words: 'Withdraw the result',
    explained: 'the case is closed, and everybody who was given the result is told that it does not stand',
    isOffered: ({ case: row, reports }) =>
      reports.length > 0 && ['reported', 'delivered', 'parked'].includes(row.state),
    run: (trx, config, order) => withdraw(trx, config, order),
  },
  'same-patient': {
    wants: 'judge',
    words: 'It is the same patient',
    explained: 'the images of the study, and CTs that were held back, are of one patient',
    isOffered: (view) => isContradictory(view) || isHeldBack(view),
    run: (trx, _config, order) => sayIdentity(trx, { ...order, word: 'same-patient' }),
  },
  'not-the-patient': {
    wants: 'judge',
    words: 'It is not the patient',
    explained: 'the CT that was paired or held back is of somebody else',
    isOffered: (view) => isContradictory(view) || isHeldBack(view) || view.ctSeries !== null,
    run: (trx, _config, order) => sayIdentity(trx, { ...order, word: 'not-the-patient' }),
  },
  release: {
    wants: 'judge',
    words: 'Release as it stands',
    explained: 'a case held for a doubt of identity goes on, whoever it is',
    isOffered: ({ case: row }) => row.state === 'parked' && row.lastErrorCode === 'IDENTITY_DIFFERS',
    run: (trx, _config, order) => sayIdentity(trx, { ...order, word: 'release' }),
  },
  levels: {
    wants: 'judge',
    words: 'Name the levels',
    explained:
      'one disc as it is drawn and what it is: the others follow, and the case goes through once more',
    isOffered: (view) => drawnIn(view).length > 0,
    run: async (trx, _config, { drawn, level, ...order }) => {
      if (!isLevel(drawn) || !isLevel(level))
        throw new CalcidiscError('OPTIONS_CONTRADICT', 'say which disc it is as drawn, and what it is');
      await sayLevels(trx, { ...order, drawn, level });
    },
  },
} as const satisfies Record<string, CaseAction>;

export type CaseActionName = keyof typeof CASE_ACTIONS;
export const CASE_ACTION_NAMES = Object.keys(CASE_ACTIONS) as [CaseActionName, ...CaseActionName[]];
export const BECAUSE = Object.keys(REJECTIONS) as [RejectionReason, ...RejectionReason[]];

/** @throws CalcidiscError CASE_NOT_PARKED where there is nothing that stands still */
async function resume(trx: Tx, { route }: Pick<Config, 'route'>, order: CaseOrder): Promise<void> {
  if (!(await sendAgain(trx, route.destinations, order)))
    throw new CalcidiscError('CASE_NOT_PARKED', 'nothing of this case stands still', { id: order.caseId });
}
