import type { Logger } from '../../../config/log.js';
import type { Database } from '../../../db/server/database.js';
import { insertWrittenReport, type NewWrittenReport } from '../../../db/tables/writtenReports.js';
import { sha256 } from '../../domain/hash.js';
import type { Answer } from './acknowledge.js';
import { hearReport } from './hearReport.js';
import { type CarriedReport, type Hl7Message, reportsIn } from './message.js';
import type { ReportLanguage } from './words.js';

export interface TakeContext {
  readonly database: Pick<Database, 'knex'>;
  /** Where its words do not tell. */
  readonly language?: ReportLanguage | undefined;
  readonly log: Logger;
}

/** A message taken, or why not: what is kept is kept before it is answered, and the same message once. */
export async function takeMessage(
  { database, language, log }: TakeContext,
  message: Hl7Message | null,
): Promise<Answer> {
  if (!message) return { code: 'AR', condition: 100, words: 'a message begins with MSH' };
  const { controlId, sender, type, processing } = message;
  if (type !== 'ORU^R01') return { code: 'AR', condition: 200, words: `ORU R01 is taken here, not ${type}` };
  if (processing === 'T' || processing === 'D')
    return { code: 'AR', condition: 202, words: 'a report for training or debugging (MSH-11) is not kept' };
  const carried = reportsIn(message);
  const refusal = refusalOf(carried);
  if (refusal) return refusal;
  try {
    await database.knex.transaction(async (trx) => {
      for (const [index, report] of carried.entries()) {
        const row = {
          ...rowOf(report, language),
          source: 'hl7' as const,
          controlId,
          sender,
          message: message.text,
          messageSha256: sha256(
            new TextEncoder().encode(index === 0 ? message.text : `${index}\r${message.text}`),
          ),
        };
        const kept = await insertWrittenReport(trx, row, `hl7:${sender}`);
        log.info(
          {
            controlId,
            isNew: kept !== null,
            study: kept?.matchedStudy ?? null,
            unmatched: kept?.unmatchedBecause ?? null,
          },
          'written report received',
        );
      }
    });
  } catch (error) {
    log.error({ err: error, controlId }, 'a written report cannot be kept: its sender keeps it');
    return { code: 'AR', condition: 207, words: 'it cannot be kept now: send it again later' };
  }
  return { code: 'AA' };
}

function refusalOf(reports: readonly CarriedReport[]): Answer | null {
  const [first] = reports;
  if (!first)
    return { code: 'AE', condition: 100, words: 'there is no OBR with a text (OBX of type TX, FT or ST)' };
  for (const { accessionNumbers, studyInstanceUid, patientIds } of reports) {
    if (accessionNumbers.length === 0 && studyInstanceUid === '')
      return {
        code: 'AE',
        condition: 101,
        words: 'neither an accession number (OBR-3, OBR-18, IPC-1) nor a Study Instance UID (ZDS-1, IPC-3)',
      };
    if (patientIds.length === 0) return { code: 'AE', condition: 101, words: 'no patient (PID-3)' };
  }
  return null;
}

type Told = Omit<NewWrittenReport, 'source' | 'controlId' | 'sender' | 'message' | 'messageSha256'>;

export function rowOf(report: CarriedReport, language?: ReportLanguage): Told {
  const { accessionNumbers, studyInstanceUid, patientIds, status, signedBy, signedAt, text } = report;
  const byWords = hearReport(text);
  const heard = byWords.language === null && language ? hearReport(text, language) : byWords;
  return {
    accessionNumbers,
    studyInstanceUid,
    patientIds,
    status: status || 'F',
    signedBy,
    signedAt,
    language: heard.language,
    body: text,
    discs: heard.discs,
  };
}
