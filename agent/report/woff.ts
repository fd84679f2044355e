import { inflateSync } from 'node:zlib';

const WOFF = 0x774f4646;
const DIRECTORY_ENTRY = { woff: 20, sfnt: 16 } as const;
const HEADER = { woff: 44, sfnt: 12 } as const;

/**
 * The TrueType font inside a WOFF 1.0 file (W3C, 2012); any other font as it came. fontkit reads WOFF too, but inflates
 * the whole table for each letter: seconds a page.
 */
export function unwrapWoff(file: Buffer): Buffer {
  if (file.readUInt32BE(0) !== WOFF) return file;
  const count = file.readUInt16BE(12);
  const tables = Array.from({ length: count }, (_, i) => {
    const at = HEADER.woff + i * DIRECTORY_ENTRY.woff;
    const [offset, packed, length] = [4, 8, 12].map((field) => file.readUInt32BE(at + field)) as [
      number,
      number,
      number,
    ];
    const bytes = file.subarray(offset, offset + packed);
    const tag = file.subarray(at, at + 4);
    return { tag, checksum: file.readUInt32BE(at + 16), bytes: packed < length ? inflateSync(bytes) : bytes };
  });
  const head = Buffer.alloc(HEADER.sfnt + count * DIRECTORY_ENTRY.sfnt);
  head.writeUInt32BE(file.readUInt32BE(4), 0);
  head.writeUInt16BE(count, 4);
  // The three numbers for a binary search (searchRange and its fellows) are not read by fontkit: left at 0.
  const parts: Buffer[] = [head];
  let offset = head.length;
  for (const [i, { tag, checksum, bytes }] of tables.entries()) {
    const at = HEADER.sfnt + i * DIRECTORY_ENTRY.sfnt;
    tag.copy(head, at);
    head.writeUInt32BE(checksum, at + 4);
    head.writeUInt32BE(offset, at + 8);
    head.writeUInt32BE(bytes.length, at + 12);
    const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
    parts.push(bytes, padding);
    offset += bytes.length + padding.length;
  }
  return Buffer.concat(parts);
}
