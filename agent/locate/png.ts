import sharp from 'sharp';

/** 8-bit grey PNG, the same bytes for the same pixels: no metadata, one filter, one compression level. */
export async function greyPng(grey: Uint8Array, rows: number, columns: number): Promise<Uint8Array> {
  return sharp(grey, { raw: { width: columns, height: rows, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 6, adaptiveFiltering: false, palette: false })
    .toBuffer();
}
