import sharp from 'sharp';
import { sha256 } from '../../agent/domain/hash.js';
import { REGION_SIDE } from '../../agent/domain/regionPicture.js';

/** A drawn picture as the tables keep one. */
export interface Picture {
  readonly png: Buffer;
  readonly sha256: string;
}

export interface SeedPictures {
  readonly calcified: Picture;
  readonly plain: Picture;
  readonly slice: Picture;
}

export const SLICE_SIZE = { width: 320, height: 384 } as const;
/** Outer edges on the drawn slice: left, top, right and bottom of the uppermost disc; each next one lies lower. */
export const FIRST_BOX = [120, 46, 204, 92] as const;
export const BOX_STEP = 62;

/** Flat drawings, a kilobyte each: a seeded database is about rows, not about pixels. */
export async function drawPictures(): Promise<SeedPictures> {
  const disc = (inside: string) =>
    draw(
      REGION_SIDE,
      REGION_SIDE,
      `<rect width="224" height="224" fill="#8a8a8a"/><ellipse cx="112" cy="112" rx="86" ry="34" fill="#4a4a4a"/>${inside}`,
    );
  const spot = '<ellipse cx="176" cy="112" rx="20" ry="10" fill="#0a0a0a"/>';
  const [left, top, right, bottom] = FIRST_BOX;
  const discs = [0, 1, 2, 3, 4].map((i) => {
    const middle = (top + bottom) / 2 + BOX_STEP * i;
    return `<ellipse cx="${(left + right) / 2}" cy="${middle}" rx="30" ry="8" fill="#3c3c3c"/>`;
  });
  const { width, height } = SLICE_SIZE;
  const spine = `<rect width="${width}" height="${height}" fill="#202020"/><rect x="132" y="0" width="60" height="${height}" fill="#909090"/>`;
  return {
    calcified: await disc(spot),
    plain: await disc(''),
    slice: await draw(width, height, `${spine}${discs.join('')}`),
  };
}

async function draw(width: number, height: number, body: string): Promise<Picture> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${body}</svg>`;
  const png = await sharp(Buffer.from(svg))
    .flatten()
    .toColourspace('b-w')
    .png({ compressionLevel: 9 })
    .toBuffer();
  return { png, sha256: sha256(png) };
}
