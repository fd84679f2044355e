import { request } from 'node:http';

export interface StowAnswer {
  readonly status: number;
  readonly text: string;
}

const BOUNDARY = 'part of a test';

/** PS3.18 8.6.1.2: each object a part. */
export function dicomMultipart(files: readonly Uint8Array[], boundary = BOUNDARY, isWhole = true): Buffer {
  return Buffer.concat([
    ...files.flatMap((file) => [
      Buffer.from(`\r\n--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      file,
    ]),
    ...(isWhole ? [Buffer.from(`\r\n--${boundary}--\r\n`)] : []),
  ]);
}

export const MULTIPART_DICOM = `multipart/related; type="application/dicom"; boundary="${BOUNDARY}"`;

export interface StowOptions {
  readonly url: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, piece by piece, without saying before how long it is; then the connection ends, or the request does. */
  readonly pieces: readonly Uint8Array[];
  readonly isCut?: boolean;
}

/** A request in pieces, as a sender has them that holds no whole study. */
export function stow({ url, token, headers, pieces, isCut }: StowOptions): Promise<StowAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': MULTIPART_DICOM,
        accept: 'application/dicom+json',
        ...headers,
      },
    });
    sent.on('response', (response) => {
      const texts: Buffer[] = [];
      response.on('data', (piece: Buffer) => texts.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode!, text: Buffer.concat(texts).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    for (const piece of pieces) sent.write(piece);
    if (!isCut) sent.end();
    else setTimeout(() => sent.destroy(), 200);
  });
}
