import { join } from 'node:path';
import type { Tx } from '../../db/server/knex.js';
import { type ImageFactsRow, listImageFacts } from '../../db/tables/instances.js';
import { type SeriesChange, type SeriesRow, updateSeries } from '../../db/tables/series.js';
import { sopClassOf } from '../dicom/sopClasses.js';
import { CalcidiscError } from '../domain/errors.js';
import { type DecideRole, decideSeries } from '../route/rules.js';
import { factsOfSeries, type SentImage } from '../route/seriesFacts.js';
import { readImageFacts } from './readSpooled.js';
import type { ReadInstance } from './rows.js';

/** What a series is, as far as its images tell. */
export type SeriesKnown = Required<Pick<SeriesChange, 'role' | 'roleReason' | 'attributes'>> & SeriesChange;

/** An image of the index, or one on its way into it. */
type JudgedImage = SentImage & { readonly sopClassUid: string };

/** The role by these images: all of a complete series, or those that have come. The order says nothing. */
export function judgeSeries(images: readonly JudgedImage[], decideRole: DecideRole): SeriesKnown | null {
  const sources = images.filter(({ sopClassUid }) => sopClassOf(sopClassUid)?.use === 'image');
  if (sources.length === 0) return images[0] ? keptUnread(images[0]) : null;
  const facts = factsOfSeries(sources);
  const { role, reason, by } = decideSeries(facts, decideRole);
  const { kinds, notes, scanner, images: pictures, numberOfFrames } = facts;
  return {
    role,
    roleReason: [reason, ...notes].join('; '),
    attributes: {
      ...by.attributes,
      ...scanner,
      numberOfFrames,
      pictures,
      ...(kinds.length > 1 ? { kinds: kinds.map(summary) } : {}),
      ...(notes.length > 0 ? { notes } : {}),
    },
    seriesDescription: facts.seriesDescription,
    protocolName: facts.protocolName,
    bodyPartExamined: facts.bodyPartExamined,
    acquisitionDate: facts.acquisitionDate,
    frameOfReferenceUid: facts.frameOfReferenceUid,
  };
}

function summary({ name, images, attributes }: ReturnType<typeof factsOfSeries>['kinds'][number]) {
  const { orientation, weighting, localizer } = attributes;
  return { name, pictures: images, orientation, weighting, localizer };
}

/** What is kept unread (`dicom.otherSopClasses`) is no MR or CT to be read, whatever its header says of itself. */
function keptUnread({ sopClassUid, facts }: JudgedImage): SeriesKnown {
  const name = sopClassOf(sopClassUid)?.name ?? sopClassUid;
  const attributes = { Modality: facts.modality ?? '' };
  return { role: 'ignored', roleReason: `kept unread: SOP class ${name}`, attributes };
}

/**
 * A series of which more has come: a first word on what it is, so that who counts and who waits knows. Its complete
 * images have the last word; until then a series that was let in stays in.
 */
export async function judgeArriving(
  trx: Tx,
  { series, created }: { readonly series: SeriesRow; readonly created: boolean },
  arrived: readonly ReadInstance[],
  decideRole: DecideRole,
): Promise<void> {
  if (!created && series.role !== 'ignored') return;
  const images = arrived.map(({ file, facts }) => ({ ...file, facts }));
  const known = judgeSeries(images, decideRole);
  if (known && (created || known.role !== 'ignored'))
    await updateSeries(trx, series.seriesInstanceUid, known);
}

/** The role by all images of the series, written down. */
export async function judgeComplete(
  trx: Tx,
  seriesInstanceUid: string,
  { dataDir, decideRole }: { readonly dataDir: string; readonly decideRole: DecideRole },
): Promise<void> {
  const images: JudgedImage[] = [];
  for (const row of await listImageFacts(trx, seriesInstanceUid)) {
    const facts = row.facts ?? (await factsOnDisk(dataDir, row));
    if (facts) images.push({ facts, callingAe: row.callingAe, sopClassUid: row.sopClassUid });
  }
  const known = judgeSeries(images, decideRole);
  if (known) await updateSeries(trx, seriesInstanceUid, known);
}

/** Null for a file that is gone or is no DICOM any more: the locating says so when it is wanted. */
async function factsOnDisk(dataDir: string, { spoolPath }: ImageFactsRow) {
  return readImageFacts(join(dataDir, spoolPath)).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof CalcidiscError || error.code === 'ENOENT') return null;
    throw error;
  });
}
