import type { Config } from '../../config/schema.js';
import { type OutgoingAssociation, openAssociation } from '../dicom/dimse/outgoing.js';
import { peerOf } from '../dicom/dimse/peer.js';
import { SOP_CLASSES } from '../dicom/sopClasses.js';
import { QUERY_STATUSES, queryRemedyOf, statusText } from '../dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../dicom/transferSyntaxes.js';
import { aeOf } from '../dicom/web/door.js';
import { CalcidiscError } from '../domain/errors.js';
import type { SeriesMatch, StudyMatch, StudyQuery } from './matches.js';

/** A PACS that can be asked. */
export type Source = Config['query']['sources'][number];
export type DimseSource = Extract<Source, { readonly channel: 'dimse' }>;
export type DicomWebSource = Extract<Source, { readonly channel: 'dicomweb' }>;

/** What a source can be asked, whatever it speaks. */
export interface Finder {
  findStudies(query: StudyQuery): Promise<StudyMatch[]>;
  findSeriesOf(
    studyInstanceUid: string,
    only: { readonly modality?: string; readonly seriesInstanceUid?: string },
  ): Promise<SeriesMatch[]>;
  /** For one that does not keep the number: its images, counted one by one. */
  countImages(studyInstanceUid: string, seriesInstanceUid: string): Promise<number>;
}

/** Names by which what it sends can come here (`instance.calling_ae`). */
export function sendsAs(source: Source): string[] {
  if (source.channel === 'dimse') return [source.aeTitle];
  return [aeOf(source.name), ...(source.aeTitle ? [source.aeTitle] : [])];
}

export type QueryConfig = Pick<Config, 'dicom' | 'query' | 'pair'>;

export const FIND = SOP_CLASSES.studyRootFind.uid;
export const MOVE = SOP_CLASSES.studyRootMove.uid;

export interface SourceOptions<S extends Source = Source> {
  readonly source: S;
  readonly config: QueryConfig;
  /** For the association and for each answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One association with a source for one service, released whatever happens.
 * @throws CalcidiscError DESTINATION_UNREACHABLE, DESTINATION_BUSY or DESTINATION_REFUSED (no such service, too)
 */
export async function withSource<T>(
  sopClassUid: string,
  { source, config, timeoutMs, signal }: SourceOptions<DimseSource>,
  work: (association: OutgoingAssociation) => Promise<T>,
): Promise<T> {
  const association = await openAssociation({
    ...peerOf(source, config),
    connectTimeoutMs: timeoutMs,
    answerTimeoutMs: timeoutMs,
    signal,
    // PS3.5 10.1: the one syntax that everybody has; identifiers are small.
    contexts: [
      {
        abstractSyntaxUid: sopClassUid,
        transferSyntaxUids: [TRANSFER_SYNTAXES.implicitVrLittleEndian.uid],
      },
    ],
  });
  try {
    if (association.contextFor(sopClassUid) === null)
      throw new CalcidiscError('DESTINATION_REFUSED', `${source.name} does not offer ${nameOf(sopClassUid)}`);
    return await work(association);
  } finally {
    await association.release();
  }
}

/** Throws unless the last status of a query or a move is a success. */
export function refuseFailure(what: string, source: DimseSource, status: number, comment: string): void {
  const remedy = queryRemedyOf(status);
  if (remedy === 'none') return;
  const meaning = Object.values(QUERY_STATUSES).find(({ code }) => code === status)?.meaning;
  const words = [meaning, comment].filter(Boolean).join('; ');
  throw new CalcidiscError(
    remedy === 'retry' ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED',
    `${source.name} answered ${what} with ${statusText(status)}${words ? ` (${words})` : ''}`,
  );
}

function nameOf(sopClassUid: string): string {
  return sopClassUid === FIND ? 'C-FIND (Study Root)' : 'C-MOVE (Study Root)';
}
