import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Database } from '../../db/server/database.js';
import type { InstanceRow } from '../../db/tables/instances.js';
import { findStore, type ListedStore, listStores } from '../../db/tables/stores.js';
import { type Header, readHeader } from '../dicom/header.js';
import { CalcidiscError } from '../domain/errors.js';
import { IMAGES_PATH } from './serve.js';

/** What has to be known of an image to have its file. */
export type HeldImage = Pick<
  InstanceRow,
  'sopInstanceUid' | 'spoolPath' | 'store' | 'sizeBytes' | 'purgedAt'
>;

/** Files of images, whichever agent holds them. */
export interface Files {
  /**
   * Paths of these images' files while `work` lasts: our own where they lie, those of others fetched for it.
   * @throws CalcidiscError IMAGES_PURGED; HOLDER_AWAY when an agent that holds some is not there, or gives none
   */
  using<T>(images: readonly HeldImage[], work: (paths: readonly string[]) => Promise<T>): Promise<T>;
  /** @throws CalcidiscError HOLDER_AWAY, NOT_DICOM; the file system's own errors */
  header(image: HeldImage): Promise<Header>;
}

export interface FilesParts {
  readonly database: Pick<Database, 'knex'>;
  readonly dataDir: string;
  /** Our own. */
  readonly store: number;
  /** What all agents know; null: none gives files to another. */
  readonly secret: string | null;
  /** The folder that all agents see; absent: there is none. */
  readonly sharedFolder?: string | undefined;
}

/** For the whole answer. */
const FETCH_MS = 60_000;

export function openFiles({ database, dataDir, store, secret, sharedFolder }: FilesParts): Files {
  const isOurs = (image: HeldImage) => image.store === null || image.store === store;
  const ours = (image: HeldImage) => join(dataDir, image.spoolPath);

  async function using<T>(images: readonly HeldImage[], work: (paths: readonly string[]) => Promise<T>) {
    refusePurged(images);
    if (images.every(isOurs)) return work(images.map(ours));
    const shared = await sharedPaths(images);
    const folder = join(dataDir, 'spool', 'incoming', `fetched-${randomUUID()}`);
    await mkdir(folder);
    try {
      const paths: string[] = [];
      for (const [i, image] of images.entries())
        paths.push(
          isOurs(image) ? ours(image) : (shared[i] ?? (await fetched(image, join(folder, `${i}.dcm`)))),
        );
      return await work(paths);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Where files of others lie for us, whether their agent is there or not; null for one that is not there, or not whole. */
  async function sharedPaths(images: readonly HeldImage[]): Promise<(string | null)[]> {
    if (sharedFolder === undefined) return images.map(() => null);
    const stores = new Map((await listStores(database.knex)).map((each) => [each.number, each]));
    return Promise.all(
      images.map(async (image) => {
        const sharedPath = image.store === null ? null : stores.get(image.store)?.sharedPath;
        if (isOurs(image) || !sharedPath) return null;
        const path = join(sharedFolder, sharedPath, image.spoolPath);
        const found = await stat(path).catch(() => null);
        return found?.size === image.sizeBytes ? path : null;
      }),
    );
  }

  async function fetched(image: HeldImage, path: string): Promise<string> {
    const holder = await findStore(database.knex, image.store!);
    if (!holder?.isOpen) throw away(image, holder, 'is away');
    if (secret === null || holder.address === null)
      throw away(
        image,
        holder,
        'gives no images: agents.secretFile and agents.address are to be set on both',
      );
    await download(image, holder, secret, path);
    return path;
  }

  return { using, header: (image) => using([image], ([path]) => readHeader(path!)) };
}

/** The whole file or nothing: the size is held against the index. */
async function download(image: HeldImage, holder: ListedStore, secret: string, path: string): Promise<void> {
  const url = `${holder.address}${IMAGES_PATH}${image.sopInstanceUid}`;
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${secret}` },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_MS),
    });
    if (answer.status !== 200 || !answer.body) throw new Error(`answered ${answer.status}`);
    const into = createWriteStream(path, { flags: 'wx' });
    await pipeline(Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream), into);
    if (into.bytesWritten !== image.sizeBytes)
      throw new Error(`gave ${into.bytesWritten} of ${image.sizeBytes} bytes`);
  } catch (cause) {
    throw away(image, holder, `does not give it (${(cause as Error).message})`);
  }
}

/** @throws CalcidiscError IMAGES_PURGED */
function refusePurged(images: readonly HeldImage[]): void {
  const gone = images.find(({ purgedAt }) => purgedAt !== null);
  if (!gone) return;
  const day = gone.purgedAt!.toISOString().slice(0, 10);
  throw new CalcidiscError(
    'IMAGES_PURGED',
    `its images were deleted on ${day} by policy (retention.imagesDays): have the PACS send the series again`,
    { sopInstanceUid: gone.sopInstanceUid },
  );
}

function away({ sopInstanceUid }: HeldImage, holder: ListedStore | null, why: string): CalcidiscError {
  const name = holder?.name ?? 'that nobody knows';
  return new CalcidiscError('HOLDER_AWAY', `an image lies with the agent ${name}, which ${why}`, {
    sopInstanceUid,
  });
}
