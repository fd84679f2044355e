import type { Readable } from 'node:stream';
import { Dicer } from '@fastify/busboy';

/** One part of a multipart/related body (RFC 2046 5.1), as it comes. */
export interface Part {
  /** Media type, lower case, without parameters; '' where the part does not say. */
  readonly type: string;
  readonly body: Readable;
}

/** What is no multipart, or ends before its last boundary. */
export class MultipartError extends Error {}

const HEADER_LIMITS = { maxHeaderPairs: 64, maxHeaderSize: 16 * 1024 };

/**
 * Reads a body part by part, one after the other, and never holds more of one than a buffer: `take` reads it to its end.
 * @returns how many parts there were
 * @throws MultipartError for a body that is cut or malformed; what `take` throws; the source's own error
 */
export function eachPart(
  source: Readable,
  boundary: string,
  take: (part: Part) => Promise<void>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const dicer = new Dicer({ boundary, ...HEADER_LIMITS } as Dicer.Config);
    let count = 0;
    let hasEnded = false;
    /** The one that is still coming; those before it are whole, though nobody may have read them yet. */
    let coming: Readable | null = null;
    let taking: Promise<void> = Promise.resolve();

    const end = (error: Error | null) => {
      if (hasEnded) return;
      hasEnded = true;
      source.unpipe(dicer);
      if (error) coming?.destroy(error);
      taking.then(
        () => (error ? reject(error) : resolve(count)),
        (thrown) => reject(thrown),
      );
    };

    dicer.on('part', (part) => {
      const body = part as unknown as Readable;
      // Its reader hears of it; a part that nobody reads yet must not end the process.
      body.on('error', () => undefined);
      coming = body;
      part.on('header', (header: object) => {
        count += 1;
        const [named = ''] = (header as Record<string, string[]>)['content-type'] ?? [];
        const type = named.split(';')[0]!.trim().toLowerCase();
        taking = taking.then(async () => {
          await take({ type, body });
          // What nobody has begun to read is let go by, else nothing after it would come.
          body.resume();
        });
        taking.catch((thrown: Error) => end(thrown));
      });
    });
    dicer.on('finish', () => end(null));
    dicer.on('error', (error: Error) => end(new MultipartError(error.message)));
    source.on('error', (error: Error) => end(error));
    source.on('close', () => {
      if (!source.readableEnded) end(new MultipartError('the body broke off'));
    });
    source.pipe(dicer);
  });
}

/** The boundary of a multipart/related of DICOM files. @returns null for any other media type, or without a boundary */
export function dicomBoundary(contentType: string | undefined): string | null {
  const [media = '', ...parameters] = (contentType ?? '').split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  if (media.trim().toLowerCase() !== 'multipart/related') return null;
  const values = new Map(
    parameters.map((each) => {
      const [, name = '', value = ''] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/s.exec(each) ?? [];
      return [name.toLowerCase(), value.replace(/^"(.*)"$/s, '$1')];
    }),
  );
  const type = values.get('type') ?? 'application/dicom';
  return type.toLowerCase() === 'application/dicom' ? (values.get('boundary') ?? null) : null;
}
